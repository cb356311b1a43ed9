"""The machine goes down and comes up again."""

from __future__ import annotations

import pytest

from .cluster import Cluster, eventually, run
from .release import Release


def test_everything_comes_back_after_a_restart_of_the_node(cluster: Cluster, sims: Release) -> None:
    if cluster.node is None:
        pytest.skip("only a kind cluster's node is ours to restart")
    with sims.sign_in("registrar") as registrar:
        before = registrar.get("/api/students/").json()["count"]
    run("docker", "restart", cluster.node)
    eventually("the API of Kubernetes", lambda: cluster.kubectl("get", "nodes"), timeout=180)
    eventually("the node has started its pods anew", lambda: _restarted(sims), timeout=180)
    sims.wait_ready("postgresql", "redis", "api", "worker", timeout=300)
    eventually("the Ingress answers", sims.healthy, timeout=180)
    with sims.sign_in("registrar") as registrar:
        assert registrar.get("/api/students/").json()["count"] == before


def _restarted(sims: Release) -> bool:
    (pod,) = sims.pods("postgresql")
    statuses = pod["status"].get("containerStatuses", [])
    return bool(statuses) and all(status["restartCount"] > 0 for status in statuses)
