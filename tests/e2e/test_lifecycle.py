"""Away, back on the data that stayed, up from the chart before this one, and down again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .cluster import ROOT, Cluster, eventually, run
from .release import CHART, NAME, NAMESPACE, Release

KEPT = {"persistentvolumeclaims", "secrets"}
OURS = f"app.kubernetes.io/instance={NAME}"
KINDS = (
    "deployments,statefulsets,jobs,pods,services,configmaps,serviceaccounts,roles,rolebindings,"
    "ingresses,networkpolicies,poddisruptionbudgets"
)


@pytest.fixture(scope="module")
def previous_chart(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The chart of the newest tag; before there is one, as it was before its last change.

    SIMS_E2E_PREVIOUS_CHART names another one.
    """
    if given := os.environ.get("SIMS_E2E_PREVIOUS_CHART"):
        return given
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    revision = tag or run("git", "rev-list", "--max-count=2", "HEAD", "--", CHART).split()[-1]
    where: Path = tmp_path_factory.mktemp("previous")
    archive = where / "chart.tar"
    run("git", "archive", "--output", str(archive), revision, CHART)
    run("tar", "--extract", "--file", str(archive), "--directory", str(where))
    return str(where / CHART)


def test_an_uninstall_leaves_the_data_and_nothing_else(cluster: Cluster, release: Release) -> None:
    release.wait_ready("postgresql", "api")
    with release.sign_in("admin") as admin:
        department = {"name": "Kept", "code": "KEPT"}
        assert admin.post("/api/academics/departments/", json=department).status_code == 201
    release.helm("uninstall", NAME, "--wait", "--timeout", "3m")
    eventually("nothing is stuck", lambda: _left(release) == "", timeout=180)
    claims = cluster.list("pvc", NAMESPACE)
    assert [claim["metadata"]["name"] for claim in claims] == [f"data-{NAME}-postgresql-0"]
    assert cluster.has("secret", f"{NAME}-postgresql", NAMESPACE), "the password of the data"


def _left(sims: Release) -> str:
    return sims.kubectl("get", KINDS, "-l", OURS, "--output", "name").strip()


def test_the_chart_before_this_one_finds_the_data(
    cluster: Cluster, release: Release, previous_chart: str
) -> None:
    release.upgrade(chart=previous_chart)
    _data_is_there(release)


def test_an_upgrade_to_this_chart_keeps_everything(
    cluster: Cluster, sims: Release, previous_chart: str
) -> None:
    sims.upgrade()
    _data_is_there(sims)


def test_a_rollback_to_the_chart_before_works(
    cluster: Cluster, sims: Release, previous_chart: str
) -> None:
    sims.rollback(sims.revision - 1)
    _data_is_there(sims)


def _data_is_there(release: Release) -> None:
    release.wait_ready("postgresql", "redis", "api", "worker")
    eventually("the Ingress leads to it", release.healthy)
    with release.sign_in("admin") as admin:
        kept = release.sql("SELECT id FROM department WHERE code = 'KEPT'")
        assert admin.get(f"/api/academics/departments/{kept}/").json()["name"] == "Kept"


def test_a_last_uninstall_goes_with_the_namespace(cluster: Cluster, release: Release) -> None:
    release.wait_ready("postgresql", "api")
    release.helm("uninstall", NAME, "--wait", "--timeout", "3m")
    eventually("nothing is stuck", lambda: _left(release) == "", timeout=180)
    cluster.delete_namespace(NAMESPACE)
    assert not cluster.has("namespace", NAMESPACE)
