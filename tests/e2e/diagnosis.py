"""What a failed test prints about the cluster, so that nobody has to ask it again."""

from __future__ import annotations

from collections.abc import Iterator

from .cluster import Cluster, CommandFailed, is_ready

TAIL = 40  # lines of a container's log


def _said(cluster: Cluster, *arguments: str) -> str:
    try:
        return cluster.kubectl(*arguments, timeout=60)
    except CommandFailed as error:
        return str(error)


def sections(cluster: Cluster, namespace: str) -> Iterator[tuple[str, str]]:
    """(title, text) of each part."""
    yield "pods", _said(cluster, "-n", namespace, "get", "pods,jobs,pvc", "--output", "wide")
    events = _said(cluster, "-n", namespace, "get", "events", "--sort-by=.lastTimestamp")
    yield "events", "\n".join(events.splitlines()[-40:])
    try:
        pods = cluster.list("pods", namespace)
    except CommandFailed as error:
        yield "pods", str(error)
        return
    for pod in pods:
        name = pod["metadata"]["name"]
        if not is_ready(pod) and pod["status"].get("phase") != "Succeeded":
            yield f"describe {name}", _said(cluster, "-n", namespace, "describe", "pod", name)
        yield (
            f"logs {name}",
            _said(
                *(cluster, "-n", namespace, "logs", name, "--all-containers", "--prefix"),
                f"--tail={TAIL}",
            ),
        )
