"""SIMS in a cluster. `make e2e` runs these; `make test` does not collect them.

One release in a namespace of its own is shared by all tests. They run in the order of
``ORDER``: the last ones take it away.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from . import release as releases
from .cluster import Cluster, Refused, run
from .diagnosis import sections
from .release import NAMESPACE, Release

ORDER = (
    "test_guard",
    "test_tour",
    "test_permissions",
    "test_network",
    "test_monitoring",
    "test_images",
    "test_outages",
    "test_mistakes",
    "test_rollout",
    "test_node_restart",
    "test_lifecycle",
)
INGRESS = "sims-e2e-ingress"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def pytest_ignore_collect() -> bool | None:
    return None if os.environ.get("SIMS_E2E") else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: ORDER.index(item.path.stem) if item.path.stem in ORDER else 0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and "cluster" in getattr(item, "funcargs", {}):
        for title, text in sections(item.funcargs["cluster"], NAMESPACE):  # type: ignore[attr-defined]
            report.sections.append((title, text))
    return report


def _namespace(cluster: Cluster, name: str) -> None:
    metadata = {"name": name, "labels": RESTRICTED}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, "default")


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    try:
        return Cluster.current()
    except Refused as refused:
        pytest.exit(str(refused), returncode=2)


@pytest.fixture(scope="session")
def ingress(cluster: Cluster) -> str:
    """URL of an Ingress controller of class ``traefik``; ours where there is none."""
    if given := os.environ.get("SIMS_E2E_URL"):
        return given
    if not cluster.has("ingressclass", "traefik"):
        if cluster.node:
            name = cluster.context.removeprefix("kind-")
            run("kind", "load", "docker-image", "--name", name, "traefik:v3.6")
        _namespace(cluster, INGRESS)
        manifest = Path(__file__).parent / "manifests" / "traefik.yaml"
        cluster.apply(manifest.read_text(), INGRESS)
        cluster.kubectl("-n", INGRESS, "rollout", "status", "deploy/traefik", "--timeout=120s")
    if cluster.node:
        return f"http://{run('docker', 'port', cluster.node, '30080/tcp').split()[0]}"
    return "http://127.0.0.1:30080"


@pytest.fixture(scope="session")
def release(cluster: Cluster, ingress: str) -> Iterator[Release]:
    """SIMS with demo data, new; with SIMS_E2E_KEEP it stays, and is found by the next run."""
    if not os.environ.get("SIMS_E2E_KEEP"):
        cluster.delete_namespace(NAMESPACE)
    _namespace(cluster, NAMESPACE)
    cluster.apply((releases.SAMPLES / "mailpit.yaml").read_text(), NAMESPACE)
    found = Release(cluster, ingress, releases.options(cluster))
    found.upgrade()
    found.seed()
    yield found
    if not os.environ.get("SIMS_E2E_KEEP"):
        cluster.delete_namespace(NAMESPACE)


@pytest.fixture
def sims(release: Release) -> Iterator[Release]:
    """The release with everything ready, before the test and after it."""
    release.wait_ready("postgresql", "redis", "api", "worker")
    yield release
    release.wait_ready("postgresql", "redis", "api", "worker")
