"""What people get wrong: the old pods go on serving, and the status says what is the matter."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from .cluster import Cluster, Resource, eventually
from .release import NAME, Release


def _newest(sims: Release) -> Resource:
    pods = sims.pods("api")
    return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


@contextmanager
def _upgraded(sims: Release, *options: str) -> Iterator[None]:
    """A bad upgrade that is rolled back."""
    sims.upgrade(*options, wait=False)
    try:
        yield
    finally:
        sims.rollback()


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


def _old_pods_serve(sims: Release) -> bool:
    with sims.client() as client:
        return client.get("/api/health/").status_code == 200


def test_a_wrong_image_is_named_and_the_old_pods_serve(cluster: Cluster, sims: Release) -> None:
    with _upgraded(sims, "--set", "api.image.tag=no-such-version"):
        eventually(
            "the status names the image", lambda: "no-such-version" in _waiting(_newest(sims))
        )
        assert "ImagePull" in _waiting(_newest(sims))
        assert _old_pods_serve(sims)


def test_a_missing_secret_is_named_and_the_old_pods_serve(cluster: Cluster, sims: Release) -> None:
    with _upgraded(sims, "--set", "auth.existingSecret=nobody-made-this"):
        name = _newest(sims)["metadata"]["name"]
        eventually(
            "an event names the Secret",
            lambda: (
                'secret "nobody-made-this" not found'
                in sims.kubectl("describe", "pod", _newest(sims)["metadata"]["name"])
            ),
        )
        assert name
        assert _old_pods_serve(sims)
        assert "nobody-made-this" in sims.helm("get", "notes", NAME)


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
        assert _old_pods_serve(sims)
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
