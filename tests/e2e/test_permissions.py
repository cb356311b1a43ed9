"""What the pods may do: nothing with the API of Kubernetes, nothing with the node."""

from __future__ import annotations

from pathlib import Path

import pytest

from .cluster import Cluster, CommandFailed, Resource
from .release import NAMESPACE, Release

EXPECTED = Path(__file__).parent / "rights.txt"
"""Rights of each service account: what `kubectl auth can-i --list` says beyond the rights that
Kubernetes gives everybody."""

EVERYBODY = "everybody"


def _rights(cluster: Cluster, account: str) -> set[str]:
    """One line for each: resources, URLs, names, verbs."""
    user = f"system:serviceaccount:{NAMESPACE}:{account}"
    said = cluster.kubectl("-n", NAMESPACE, "auth", "can-i", "--list", f"--as={user}")
    return {" ".join(line.split()) for line in said.splitlines()[1:]}


def test_each_service_account_has_the_rights_on_the_list(cluster: Cluster, sims: Release) -> None:
    accounts = sorted(a["metadata"]["name"] for a in cluster.list("serviceaccounts", NAMESPACE))
    everybody = _rights(cluster, "no-such-account")
    found = [f"{a}: {right}" for a in accounts for right in sorted(_rights(cluster, a) - everybody)]
    lines = [*(f"account {a}" for a in accounts), *found]
    assert lines == EXPECTED.read_text(encoding="utf-8").splitlines()


def test_no_pod_holds_a_token(cluster: Cluster, sims: Release) -> None:
    for component in ("api", "worker", "postgresql", "redis"):
        for pod in sims.pods(component):
            mounts = [m for c in pod["spec"]["containers"] for m in c.get("volumeMounts", [])]
            assert not [m for m in mounts if "serviceaccount" in m["mountPath"]], component


def test_the_namespace_refuses_a_pod_that_is_not_restricted(
    cluster: Cluster, sims: Release
) -> None:
    with pytest.raises(CommandFailed, match="violates PodSecurity"):
        sims.kubectl("run", "privileged", "--image=sims-api:none", "--privileged")


def test_no_file_of_the_image_can_be_written(cluster: Cluster, sims: Release) -> None:
    for component in ("api", "worker"):
        pod = sims.pods(component)[0]["metadata"]["name"]
        with pytest.raises(CommandFailed, match="Read-only file system"):
            sims.exec(pod, "touch", "/app/here")
        assert sims.exec(pod, "id", "-u").strip() == "10001"


def test_no_secret_is_in_an_environment(cluster: Cluster, sims: Release) -> None:
    secrets = _values(cluster.list("secrets", NAMESPACE))
    assert len(secrets) >= 5
    for component in ("api", "worker"):
        pod = sims.pods(component)[0]["metadata"]["name"]
        environment = sims.exec(pod, "env")
        log = sims.kubectl("logs", pod, "--all-containers")
        assert not [name for name, value in secrets if value in environment or value in log]


def _values(secrets: list[Resource]) -> list[tuple[str, str]]:
    import base64

    return [
        (f"{secret['metadata']['name']}/{key}", base64.b64decode(value).decode())
        for secret in secrets
        if secret["type"] == "Opaque"
        for key, value in secret["data"].items()
    ]
