"""Notices a watch that no longer tells: a list shows a version that no event ever brought."""

from __future__ import annotations

import time
from collections.abc import Callable

from sims_backup_operator.kube import Kind, Object

DEAD = 180.0  # seconds; three looks


class WatchGuard:
    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: dict[Kind, dict[str, int]] = {}
        self._behind: dict[Kind, float] = {}

    def saw(self, kind: Kind, event: str | None, body: Object) -> None:
        """An event of the watch; ``event`` is None in the listing at its start."""
        versions = self._seen.setdefault(kind, {})
        uid = body["metadata"]["uid"]
        if event == "DELETED":
            versions.pop(uid, None)
        else:
            versions[uid] = max(_version(body), versions.get(uid, 0))

    def compare(self, kind: Kind, listed: list[Object]) -> None:
        """A list just read: since when is the watch behind it?"""
        versions = self._seen.get(kind, {})
        behind = any(_version(item) > versions.get(item["metadata"]["uid"], 0) for item in listed)
        if not behind:
            self._behind.pop(kind, None)
        else:
            self._behind.setdefault(kind, self._monotonic())

    @property
    def age(self) -> float:
        """Seconds that the worst watch has been behind; 0: none is."""
        moments = self._behind.values()
        return max((self._monotonic() - moment for moment in moments), default=0.0)

    @property
    def alive(self) -> bool:
        return self.age < DEAD


def _version(body: Object) -> int:
    return int(body["metadata"]["resourceVersion"])
