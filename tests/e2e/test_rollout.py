"""A new version and back again, while people work: not one request fails."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sims_core import migrate

from .cluster import Cluster, eventually, run
from .load import RATE, load
from .release import NAME, Release, image_of

NEXT = Path(__file__).parent / "next"
REVISION = "e2e_next"


@pytest.fixture(scope="module")
def next_tag(cluster: Cluster, release: Release, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The API's image with one revision more, in the cluster."""
    if cluster.node is None:
        pytest.skip("the next version's image can only be loaded into a kind cluster")
    image = image_of(release, "api")
    context = tmp_path_factory.mktemp("next")
    shutil.copy(NEXT / "Dockerfile", context)
    template = (NEXT / "revision.py.txt").read_text(encoding="utf-8")
    (context / "revision.py").write_text(template.replace("HEAD", migrate.head()))
    repository, _, tag = image.rpartition(":")
    build = ("docker", "build", "--quiet", "--build-arg", f"API={image}")
    run(*build, "--tag", f"{repository}:{tag}-next", str(context))
    cluster_name = cluster.context.removeprefix("kind-")
    run("kind", "load", "docker-image", "--name", cluster_name, f"{repository}:{tag}-next")
    return f"{tag}-next"


def test_the_next_version_and_back_under_load(
    cluster: Cluster, sims: Release, next_tag: str
) -> None:
    before = sims.revision
    with load(sims, "L") as traffic:
        sims.upgrade("--set", f"api.image.tag={next_tag}")
        eventually("the next version alone answers", lambda: _versions(sims) == {"next"})
        assert _revision(sims) == REVISION
        there = traffic.sent

        sims.rollback(before)
        eventually("this version alone answers", lambda: "next" not in _versions(sims))
        assert _revision(sims) == REVISION, "a rollback leaves the schema as it is"
    assert there > RATE
    assert traffic.sent > there
    assert not traffic.failed, "\n".join([f"of {traffic.sent}:", *traffic.failed[:20]])
    kept = sims.sql("SELECT count(*) FROM department WHERE code LIKE 'L%'")
    assert int(kept) == len(traffic.created), "what was acknowledged is there"


def test_the_older_version_works_on_the_newer_schema(
    cluster: Cluster, sims: Release, next_tag: str
) -> None:
    assert _revision(sims) == REVISION
    sims.kubectl("rollout", "restart", f"deploy/{NAME}-api", f"deploy/{NAME}-worker")
    sims.kubectl("rollout", "status", f"deploy/{NAME}-api", "--timeout=180s")
    sims.kubectl("rollout", "status", f"deploy/{NAME}-worker", "--timeout=180s")
    said = sims.kubectl("logs", f"deploy/{NAME}-api", "--container=migrate")
    assert "newer than this program" in said
    assert sims.healthy()


def _versions(sims: Release) -> set[str]:
    """Of the pods that the Ingress leads to; old ones answer until they are taken out."""
    with sims.client() as client:
        return {client.get("/api/health/").json()["version"] for _ in range(6)}


def _revision(sims: Release) -> str:
    return sims.sql("SELECT version_num FROM alembic_version")
