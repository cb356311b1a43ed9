"""Which objects are to be looked at: each once at a time, failures with growing pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from typing_extensions import override

from sims_backup_operator import metrics
from sims_backup_operator.kube import Changed, Kind
from sims_common.errors import SimsError
from sims_common.logs import get_logger

log = get_logger(__name__)

_FIRST, _LAST = 1.0, 60.0


@dataclass(frozen=True, order=True)
class Key:
    kind: Kind = field(compare=False)
    name: str
    order: int = 0

    @override
    def __hash__(self) -> int:
        return hash((self.kind, self.name))

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and (self.kind, self.name) == (other.kind, other.name)


Reconcile = Callable[[Key], Awaitable[float | None]]


class WorkQueue:
    """``add`` while a key is worked on runs it once more after that."""

    def __init__(self, reconcile: Reconcile, workers: int) -> None:
        self._reconcile, self._workers = reconcile, workers
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    @property
    def depth(self) -> int:
        return len(self._queued) + len(self._busy)

    def add(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._busy:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.put_nowait(key)

    def add_later(self, key: Key, seconds: float) -> None:
        """The earliest of several wins."""
        loop = asyncio.get_running_loop()
        present = self._timers.get(key)
        if present is not None and present.when() <= loop.time() + seconds:
            return
        if present is not None:
            present.cancel()
        self._timers[key] = loop.call_later(seconds, self.add, key)

    def wake_waiting(self) -> None:
        """Something ended: who waits for it may look now."""
        for key in sorted(self._timers, key=lambda item: (item.order, item.name)):
            if key.kind in {Kind.BACKUP, Kind.RESTORE}:
                self.add(key)

    def forget(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._failures.pop(key, None)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._ready.get()
            self._queued.discard(key)
            self._busy.add(key)
            try:
                await self._one(key)
            finally:
                self._busy.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.add(key)

    async def _one(self, key: Key) -> None:
        try:
            after = await self._reconcile(key)
        except Changed:
            self.add_later(key, 0.2)  # somebody wrote meanwhile: read again
            return
        except SimsError as error:
            self._failed(key, error.detail)
            return
        except Exception:
            log.exception("reconcile failed", kind=key.kind.plural, name=key.name)
            self._failed(key, "")
            return
        self._failures.pop(key, None)
        if after is not None:
            self.add_later(key, after)

    def _failed(self, key: Key, why: str) -> None:
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        pause = min(_LAST, _FIRST * 2**count)
        metrics.RECONCILE_ERRORS.labels(key.kind.plural).inc()
        log.warning(
            "reconcile put off", kind=key.kind.plural, name=key.name, seconds=pause, error=why
        )
        self.add_later(key, pause)
