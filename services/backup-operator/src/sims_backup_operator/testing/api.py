"""An API server in memory: versions, conflicts, status subresource, cascading deletion, faults."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, TypeVar

from sims_backup_operator.kube import (
    OWN_KINDS,
    ApiError,
    Changed,
    Exists,
    Kind,
    NotThere,
    Object,
)

T = TypeVar("T")
Objects = list[Object]


class Crash(BaseException):
    """The operator's process died here."""


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs what never waits, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits for something that is not in memory")


class FakeApi:
    """``fault`` is asked before and after each change; it may raise ``Crash`` or ``ApiError``."""

    def __init__(self, now: Callable[[], datetime], namespace: str = "school") -> None:
        self.objects: dict[tuple[Kind, str], Object] = {}
        self.logs: dict[str, str] = {}
        self.fault: Callable[[str], None] = lambda _moment: None
        self.changes: list[tuple[Kind, str, Object]] = []
        self._now, self._namespace = now, namespace
        self._versions, self._uids = itertools.count(1), itertools.count(1)

    # the protocol -----------------------------------------------------------

    async def get(self, kind: Kind, name: str, *, part: str = "") -> Object | None:
        del part
        self.fault("read")
        found = self.objects.get((kind, name))
        return copy.deepcopy(found) if found is not None else None

    async def list(self, kind: Kind, labels: Mapping[str, str] | None = None) -> list[Object]:
        self.fault("read")
        wanted = dict(labels or {}).items()
        return [
            copy.deepcopy(item)
            for (k, _), item in sorted(self.objects.items(), key=lambda pair: pair[0][1])
            if k is kind and wanted <= item["metadata"].get("labels", {}).items()
        ]

    async def create(self, kind: Kind, body: Object) -> Object:
        self.fault("before")
        made = self.put(kind, body)
        self.fault("after")
        return copy.deepcopy(made)

    async def patch(self, kind: Kind, name: str, body: Object, *, part: str = "") -> Object:
        self.fault("before")
        found = self.objects.get((kind, name))
        if found is None:
            raise NotThere(f"{kind.plural} {name}")
        wanted = body.get("metadata", {}).get("resourceVersion")
        if wanted is not None and wanted != found["metadata"]["resourceVersion"]:
            raise Changed(f"{kind.plural} {name}")
        change = {k: v for k, v in body.items() if k != "metadata"}
        if part == "status":
            change = {"status": change.get("status", {})}
        elif kind in OWN_KINDS:
            change.pop("status", None)
        self.write(kind, name, _merged(found, change))
        self.fault("after")
        return copy.deepcopy(self.objects[kind, name])

    async def delete(self, kind: Kind, name: str, *, uid: str = "") -> None:
        self.fault("before")
        found = self.objects.get((kind, name))
        if found is None:
            return
        if uid and uid != found["metadata"]["uid"]:
            raise Changed(f"{kind.plural} {name} has another uid")
        self.remove(kind, name)
        self.fault("after")

    async def log(self, pod: str, *, tail: int | None = None) -> str:
        self.fault("read")
        if (Kind.POD, pod) not in self.objects:
            raise NotThere(pod)
        lines = self.logs.get(pod, "").splitlines(keepends=True)
        return "".join(lines[-tail:] if tail else lines)

    # for tests ----------------------------------------------------------------

    def put(self, kind: Kind, body: Object) -> Object:
        """As a user would create it. Raises ``Exists``."""
        name = body["metadata"]["name"]
        if (kind, name) in self.objects:
            raise Exists(f"{kind.plural} {name}")
        made = copy.deepcopy(body)
        if kind in OWN_KINDS:
            made.pop("status", None)
        made["metadata"] |= {
            "namespace": self._namespace,
            "uid": f"uid-{next(self._uids)}",
            "generation": 1,
            "creationTimestamp": self._now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self.write(kind, name, made)
        return self.objects[kind, name]

    def write(self, kind: Kind, name: str, body: Object) -> None:
        body["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[kind, name] = body
        self.changes.append((kind, name, copy.deepcopy(body)))

    def edit(self, kind: Kind, name: str, spec: Object) -> None:
        """As a user would change the spec."""
        found = copy.deepcopy(self.objects[kind, name])
        found["spec"] = _merged(found["spec"], spec)
        found["metadata"]["generation"] += 1
        self.write(kind, name, found)

    def remove(self, kind: Kind, name: str) -> None:
        """Dependants go too."""
        gone = self.objects.pop((kind, name))
        uid = gone["metadata"]["uid"]
        for key, item in list(self.objects.items()):
            owners = item["metadata"].get("ownerReferences") or []
            if any(owner["uid"] == uid for owner in owners) and key in self.objects:
                self.remove(*key)

    def all(self, kind: Kind) -> Objects:
        return [item for (k, _), item in self.objects.items() if k is kind]


def unreachable(moment: str) -> None:
    raise ApiError(f"connection refused ({moment})")


def _merged(old: Object, change: Object) -> Object:
    """RFC 7396."""
    new = copy.deepcopy(old)
    for key, value in change.items():
        if value is None:
            new.pop(key, None)
        elif isinstance(value, dict):
            before = new.get(key)
            new[key] = _merged(before if isinstance(before, dict) else {}, value)
        else:
            new[key] = copy.deepcopy(value)
    return new
