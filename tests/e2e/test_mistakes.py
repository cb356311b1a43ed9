"""What people get wrong: the old pods go on serving, and the status says what is the matter."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .cluster import Cluster, CommandFailed, Resource, eventually
from .release import NAME, Release


def _newest(sims: Release) -> Resource:
    pods = sims.pods("api")
    return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


@contextmanager
def _upgraded(sims: Release, *options: str) -> Iterator[None]:
    """A bad upgrade, which helm gives up, and which is rolled back."""
    good = sims.revision
    try:
        with pytest.raises(CommandFailed, match="UPGRADE FAILED"):
            sims.upgrade("--timeout", "25s", *options)
        yield
    finally:
        sims.rollback(good)


def _waiting(pod: Resource) -> str:
    """Reasons and messages of containers that do not run."""
    statuses = pod["status"].get("initContainerStatuses", []) + pod["status"].get(
        "containerStatuses", []
    )
    states = [status["state"].get("waiting", {}) for status in statuses]
    return " ".join(f"{s.get('reason', '')} {s.get('message', '')}" for s in states)


def _last_words(pod: Resource) -> str:
    """What a container that failed has said, as the pod's status shows it."""
    statuses = pod["status"].get("initContainerStatuses", [])
    states = [state for s in statuses for state in (s["state"], s.get("lastState", {}))]
    return " ".join(state.get("terminated", {}).get("message", "") for state in states)


def _advised(sims: Release, symptom: str) -> str:
    """What the command says that NOTES gives for this symptom."""
    notes = sims.helm("get", "notes", NAME).splitlines()
    line = next(line.strip() for line in notes if line.strip().startswith(symptom))
    program, *arguments = shlex.split(line.removeprefix(symptom), comments=True)
    assert program == "kubectl"
    return sims.cluster.kubectl(*arguments)


@pytest.mark.parametrize("service", ["api", "worker"])
def test_a_wrong_image_is_named_and_the_old_pods_serve(
    cluster: Cluster, sims: Release, service: str
) -> None:
    """With the API's, the hook that looks after the Secrets stops the upgrade already."""
    before = {pod["metadata"]["name"] for pod in sims.pods("api")}
    with _upgraded(sims, "--set", f"{service}.image.tag=no-such-version"):
        waiting = " ".join(map(_waiting, sims.pods("secrets", service)))
        assert "no-such-version" in waiting
        assert "ImagePull" in waiting
        assert "no-such-version" in _advised(sims, "ImagePullBackOff")
        assert {pod["metadata"]["name"] for pod in sims.pods("api")} == before
        assert sims.healthy()


def test_a_missing_secret_is_named_and_the_old_pods_serve(cluster: Cluster, sims: Release) -> None:
    with _upgraded(sims, "--set", "auth.existingSecret=nobody-made-this"):
        eventually(
            "an event names the Secret",
            lambda: (
                'secret "nobody-made-this" not found'
                in sims.kubectl("describe", "pod", _newest(sims)["metadata"]["name"])
            ),
        )
        assert 'secret "nobody-made-this" not found' in _advised(sims, "ContainerCreating")
        assert sims.healthy()


def test_a_wrong_password_is_named_and_the_old_pods_serve(cluster: Cluster, sims: Release) -> None:
    secret = cluster.get("secret", f"{NAME}-postgresql", sims.namespace)
    right = base64.b64decode(secret["data"]["uri"]).decode()
    head, _, tail = right.partition("@")
    wrong = f"{head.rpartition(':')[0]}:not-the-password@{tail}"
    try:
        _set_uri(cluster, sims, secret, wrong)
        sims.kubectl("rollout", "restart", f"deploy/{NAME}-api")
        eventually(
            "the pod's status says it",
            lambda: "password authentication failed" in _last_words(_newest(sims)),
            timeout=240,
        )
        assert "not-the-password" not in sims.kubectl(
            "logs", _newest(sims)["metadata"]["name"], "-c", "migrate"
        )
        assert "password authentication failed" in _advised(sims, "Init:…")
        assert sims.healthy()
    finally:
        _set_uri(cluster, sims, secret, right)
        sims.kubectl("rollout", "undo", f"deploy/{NAME}-api")
        sims.kubectl("rollout", "status", f"deploy/{NAME}-api", "--timeout=180s")


def _set_uri(cluster: Cluster, sims: Release, secret: Resource, uri: str) -> None:
    changed = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret["metadata"]["name"]},
        "data": {**secret["data"], "uri": base64.b64encode(uri.encode()).decode()},
    }
    cluster.apply(changed, sims.namespace)
