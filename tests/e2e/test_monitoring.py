"""Prometheus sees the pods, and a shipped alert fires and clears.

Needs the Prometheus Operator in the cluster, with a Prometheus that selects our monitors:
SIMS_E2E_PROMETHEUS is its Service, ``monitoring/prometheus-operated`` by default.
"""

from __future__ import annotations

import copy
import json
import os
from typing import Any
from urllib.parse import quote

import pytest

from .cluster import Cluster, Resource, eventually
from .release import NAME, NAMESPACE, Release

SERVICE = os.environ.get("SIMS_E2E_PROMETHEUS", "monitoring/prometheus-operated")
ALERT = "SimsWorkerDown"


@pytest.fixture(autouse=True)
def _operator(cluster: Cluster) -> None:
    if not cluster.has("crd", "podmonitors.monitoring.coreos.com"):
        pytest.skip("no Prometheus Operator in this cluster")


def _query(cluster: Cluster, expression: str) -> list[dict[str, Any]]:
    namespace, name = SERVICE.split("/")
    path = f"/api/v1/namespaces/{namespace}/services/{name}:9090/proxy/api/v1/query"
    answer = json.loads(cluster.raw(f"{path}?query={quote(expression)}"))
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def _up(cluster: Cluster, component: str) -> dict[str, str]:
    """Pod → what its ``up`` is now."""
    found = _query(cluster, f'up{{namespace="{NAMESPACE}", pod=~"{NAME}-{component}-.*"}}')
    return {series["metric"]["pod"]: series["value"][1] for series in found}


@pytest.mark.parametrize("component", ["api", "worker"])
def test_every_pod_is_scraped(cluster: Cluster, sims: Release, component: str) -> None:
    pods = {pod["metadata"]["name"] for pod in sims.pods(component)}
    wanted = dict.fromkeys(pods, "1")
    eventually(
        f"up == 1 for {sorted(pods)}",
        lambda: {p: up for p, up in _up(cluster, component).items() if p in pods} == wanted,
        timeout=180,
    )


@pytest.mark.parametrize(
    "metric",
    [
        "sims_http_request_duration_seconds_count",
        "sims_queue_jobs",
        "sims_queue_oldest_job_age_seconds",
        "sims_build_info",
    ],
)
def test_what_the_dashboards_need_is_there(cluster: Cluster, sims: Release, metric: str) -> None:
    eventually(metric, lambda: _query(cluster, f'{metric}{{namespace="{NAMESPACE}"}}'))


def _quick(cluster: Cluster) -> Resource:
    """The shipped rule with its waiting time cut to seconds, beside the shipped one."""
    (shipped,) = cluster.list("prometheusrules", NAMESPACE)
    rules = [rule for group in shipped["spec"]["groups"] for rule in group["rules"]]
    rule = copy.deepcopy(next(rule for rule in rules if rule["alert"] == ALERT))
    assert rule["expr"]
    rule |= {"for": "5s", "labels": {**rule["labels"], "quick": "yes"}}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "quick", "labels": shipped["metadata"]["labels"]},
        "spec": {"groups": [{"name": "quick", "rules": [rule]}]},
    }


def test_the_alert_on_lost_workers_fires_and_clears(cluster: Cluster, sims: Release) -> None:
    cluster.apply(_quick(cluster), NAMESPACE)
    firing = f'ALERTS{{alertname="{ALERT}", quick="yes", alertstate="firing"}}'
    loaded = f'ALERTS{{alertname="{ALERT}", quick="yes"}}'
    try:
        sims.scale(f"deploy/{NAME}-worker", 0)
        eventually("the alert fires", lambda: _query(cluster, firing), timeout=180)
        (alert,) = _query(cluster, firing)
        assert alert["metric"]["severity"] in ("critical", "warning")
        sims.scale(f"deploy/{NAME}-worker", 2)
        sims.wait_ready("worker")
        eventually("the alert is gone", lambda: not _query(cluster, loaded), timeout=180)
    finally:
        sims.scale(f"deploy/{NAME}-worker", 2)
        sims.kubectl("delete", "prometheusrule", "quick")
