"""Who can open a connection to whom is what ``files/connections.yaml`` of the chart declares.

Every pod is a source, by an ephemeral container in its network namespace; every pod and port is
a target. Pods that live for a moment only (``helm test``, the Job that makes Secrets) are stood
in for by pods with their labels under their policies.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from .cluster import ROOT, Cluster, Resource, eventually, is_ready
from .release import CHART, NAME, NAMESPACE, Release, image_of

PROBE = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
TABLE = ROOT / CHART / "files" / "connections.yaml"
STRANGERS = "sims-e2e-strangers"
LIVE = ("api", "worker", "postgresql", "redis")
BRIEF = ("smoke", "secrets", "backup-operator", "backup-jobs")
SERVED = {  # what listens where
    "api": (8000, 9100),
    "worker": (9101,),
    "postgresql": (5432,),
    "redis": (6379,),
    "smtp": (1025, 8025),
    "stranger": (1025, 8025),
}
PORTS = sorted(set(itertools.chain(*SERVED.values())))
_numbers = itertools.count(1)


def _declared() -> set[tuple[str, str, int]]:
    """(from, to, port), with the names of the table; clients and smtp as they are here."""
    rows = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["connections"]
    found = set()
    for row in rows:
        port = row.get("port", 1025 if row["to"] == "smtp" else None)
        if port is not None:
            found.add((row["from"], row["to"], port))
    return found


def _expected(source: str, target: str, port: int) -> bool:
    if port not in SERVED[target]:
        return False
    declared = _declared()
    governed_to, governed_from = target in LIVE, source in (*LIVE, *BRIEF)
    if governed_to:
        allowed_in = (source, target, port) in declared or ("clients", target, port) in declared
        if not allowed_in:
            return False
    if governed_from:
        row_target = "smtp" if target == "stranger" else target  # smtpTo is empty: anywhere
        return (source, row_target, port) in declared
    return True


def _pause_pod(name: str, labels: dict[str, str], image: str) -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "pause",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-c", "import time; time.sleep(3600)"],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


def _selector(component: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "sims",
        "app.kubernetes.io/instance": NAME,
        "app.kubernetes.io/component": component,
    }


def _ip(pod: Resource) -> str:
    found: str = pod["status"]["podIP"]
    return found


def _probe(sims: Release, pod: Resource, image: str, addresses: list[str]) -> dict[str, bool]:
    """Opens connections from inside the pod's network namespace."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    container = f"probe-{next(_numbers)}"
    options = ("--profile=restricted", "--quiet", "--image-pull-policy=IfNotPresent")
    command = ("python", "-c", PROBE, *addresses)
    target = ("-n", namespace, "debug", name, f"--image={image}", f"--container={container}")
    sims.cluster.kubectl(*target, *options, "--", *command)
    logs: list[str] = []

    def answered() -> bool:
        logs[:] = sims.cluster.kubectl("-n", namespace, "logs", name, "-c", container).splitlines()
        return bool(logs)

    eventually(f"{name} has probed", answered, timeout=60)
    found: dict[str, bool] = json.loads(logs[-1])
    return found


@pytest.fixture(scope="module")
def places(cluster: Cluster, release: Release) -> Any:
    """Name → its pod, for every pod of the release, its neighbours and a stranger elsewhere."""
    image = image_of(release, "api")
    kept = release.keep_hooks("NetworkPolicy")
    for component in BRIEF:
        cluster.apply(_pause_pod(f"brief-{component}", _selector(component), image), NAMESPACE)
    cluster.delete_namespace(STRANGERS)
    metadata = {
        "name": STRANGERS,
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    }
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, "default")
    mailpit = (ROOT / "k8s" / "samples" / "mailpit.yaml").read_text(encoding="utf-8")
    cluster.apply(mailpit, STRANGERS)

    found: dict[str, Resource] = {}

    def all_there() -> bool:
        for component in LIVE:
            found[component] = release.pods(component)[0]
        for component in BRIEF:
            found[component] = cluster.get("pod", f"brief-{component}", NAMESPACE)
        found["smtp"] = cluster.list("pods", NAMESPACE, "app.kubernetes.io/name=mailpit")[0]
        found["stranger"] = cluster.list("pods", STRANGERS, "app.kubernetes.io/name=mailpit")[0]
        return all(is_ready(pod) for pod in found.values())

    eventually("every pod is there", all_there)
    yield found
    cluster.delete_namespace(STRANGERS)
    for component in BRIEF:
        cluster.kubectl("-n", NAMESPACE, "delete", "pod", f"brief-{component}", "--wait=false")
    cluster.kubectl("-n", NAMESPACE, "delete", *kept)


def test_connections_are_those_that_the_chart_declares(
    cluster: Cluster, sims: Release, places: dict[str, Resource]
) -> None:
    image = image_of(sims, "api")
    addresses = {
        f"{_ip(places[target])}:{port}": (target, port) for target in SERVED for port in PORTS
    }
    wrong = []
    for source, pod in places.items():
        opened = _probe(sims, pod, image, list(addresses))
        for address, (target, port) in addresses.items():
            if source == target:
                continue  # a pod reaches itself, whatever the policies say
            expected = _expected(source, target, port)
            if opened[address] != expected:
                wrong.append(f"{source} → {target}:{port} is {opened[address]}, not {expected}")
    assert not wrong, "\n".join(wrong)


def test_only_those_that_need_it_reach_the_api_of_kubernetes(
    cluster: Cluster, sims: Release, places: dict[str, Resource]
) -> None:
    image = image_of(sims, "api")
    service = cluster.get("service", "kubernetes", "default")["spec"]["clusterIP"]
    reached = {
        source: _probe(sims, places[source], image, [f"{service}:443"])[f"{service}:443"]
        for source in (*LIVE, *BRIEF)
    }
    declared = {row[0] for row in _rows_to("kubernetes")}
    assert {source for source, opens in reached.items() if opens} == declared


def _rows_to(target: str) -> list[tuple[str, str]]:
    rows = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["connections"]
    return [(row["from"], row["to"]) for row in rows if row["to"] == target]
