"""The cluster that the tests work on: which one may be, and its commands."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = "SIMS_E2E_CONTEXT"
Resource = dict[str, Any]


class Refused(Exception):
    """The current context is not one that tests may break things in."""


class CommandFailed(AssertionError):
    """A command of ours ended badly; its output is the text."""


def run(*command: str, stdin: str | None = None, timeout: float = 300) -> str:
    """Standard output. Raises ``CommandFailed``; ``timeout`` in seconds is a bound."""
    done = subprocess.run(
        command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False, timeout=timeout
    )
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def eventually(what: str, check: Callable[[], object], timeout: float = 120.0) -> None:
    """Waits until ``check`` gives something true; fails with ``what`` otherwise.

    A command that fails meanwhile counts as not yet.
    """
    deadline, last = time.monotonic() + timeout, ""
    while time.monotonic() < deadline:
        try:
            if check():
                return
        except (CommandFailed, OSError) as error:
            last = str(error)
        time.sleep(0.5)
    raise AssertionError(f"not within {timeout:.0f} s: {what}\n{last}")


def choose_context(current: str, allowed: str | None) -> str:
    """A kind cluster's context, or exactly the one that the user has named.

    Raises ``Refused``: these tests delete pods, databases and namespaces.
    """
    if allowed:
        return allowed
    if current.startswith("kind-"):
        return current
    raise Refused(
        f"The current context is {current or '(none)'}, not a kind cluster, and these tests kill"
        f" pods and delete namespaces. To run them there all the same: {ALLOWED}=<context>."
    )


@dataclass(frozen=True)
class Cluster:
    context: str

    @classmethod
    def current(cls) -> Cluster:
        found = subprocess.run(
            ["kubectl", "config", "current-context"], capture_output=True, text=True, check=False
        )
        return cls(choose_context(found.stdout.strip(), os.environ.get(ALLOWED)))

    @property
    def node(self) -> str | None:
        """Name of the node's container, if this is a kind cluster on this machine."""
        name = self.context.removeprefix("kind-")
        return f"{name}-control-plane" if self.context.startswith("kind-") else None

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 300) -> str:
        return run("kubectl", "--context", self.context, *arguments, stdin=stdin, timeout=timeout)

    def helm(self, *arguments: str, timeout: float = 600) -> str:
        return run("helm", "--kube-context", self.context, *arguments, timeout=timeout)

    def apply(self, resource: Resource | str, namespace: str) -> None:
        text = resource if isinstance(resource, str) else json.dumps(resource)
        self.kubectl("--namespace", namespace, "apply", "--filename", "-", stdin=text)

    def get(self, kind: str, name: str, namespace: str) -> Resource:
        found: Resource = json.loads(
            self.kubectl("-n", namespace, "get", kind, name, "--output", "json")
        )
        return found

    def list(self, kind: str, namespace: str, selector: str = "") -> list[Resource]:
        found: list[Resource] = json.loads(
            self.kubectl("-n", namespace, "get", kind, "-l", selector, "--output", "json")
        )["items"]
        return found

    def has(self, kind: str, name: str, namespace: str = "default") -> bool:
        arguments = ("-n", namespace, "get", kind, name, "--ignore-not-found", "--output", "name")
        return bool(self.kubectl(*arguments).strip())

    def raw(self, path: str) -> bytes:
        """GET through the Kubernetes API, for Services that nothing else leads to."""
        return self.kubectl("get", "--raw", path).encode()

    def delete_namespace(self, name: str) -> None:
        self.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=180s")


def is_ready(pod: Resource) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def restarts(pod: Resource) -> int:
    return sum(c["restartCount"] for c in pod["status"].get("containerStatuses", []))
