"""The process: events and a timer fill the queue, the queue reconciles, the Lease permits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sims_backup_operator import metrics
from sims_backup_operator.crds import Backup, BackupSchedule, BackupStorage, Restore
from sims_backup_operator.kube import OWN_KINDS, Kind, Object
from sims_backup_operator.lease import Lease
from sims_backup_operator.reconcile import backup, fence, restore, schedule, storage
from sims_backup_operator.resources.names import SCHEDULE
from sims_backup_operator.runs import is_finished
from sims_backup_operator.status import TERMINAL
from sims_backup_operator.watch_guard import DEAD, WatchGuard
from sims_backup_operator.workqueue import Key, WorkQueue
from sims_backup_operator.world import MODELS, World
from sims_common.errors import SimsError
from sims_common.health import Check, HealthReport, report
from sims_common.logs import get_logger

log = get_logger(__name__)

_RECONCILE: dict[Kind, Callable[[World, Any], Awaitable[float | None]]] = {
    Kind.BACKUP: backup.reconcile,
    Kind.SCHEDULE: schedule.reconcile,
    Kind.RESTORE: restore.reconcile,
    Kind.STORAGE: storage.reconcile,
}


class Service:
    """One for a process; ``lead`` runs until the Lease is lost."""

    def __init__(self, world: World, lease: Lease, *, resync: float, workers: int) -> None:
        self._world, self._lease, self._resync = world, lease, resync
        self._guard = WatchGuard()
        self._queue = WorkQueue(self.reconcile, workers)
        self._leading = False
        self._looked = time.monotonic()
        self._snapshot = metrics.Snapshot()

    async def reconcile(self, key: Key) -> float | None:
        """Reads the object anew; what is gone is forgotten."""
        found = await self._world.read(MODELS[key.kind], key.name)
        if found is None:
            self._queue.forget(key)
            return None
        metrics.RECONCILES.labels(key.kind.plural).inc()
        return await _RECONCILE[key.kind](self._world, found)

    def saw(self, kind: Kind, event: str | None, body: Object) -> None:
        """An event of a watch. Before this replica leads, only the guard learns of it."""
        if kind in OWN_KINDS:
            self._guard.saw(kind, event, body)
        if not self._leading:
            return
        if kind is Kind.JOB:
            self._saw_job(event, body)
            return
        self._queue.add(Key(kind, body["metadata"]["name"]))
        for key in self._concerned(kind, event, body):
            self._queue.add(key)

    def _saw_job(self, event: str | None, body: Object) -> None:
        kinds = {"Backup": Kind.BACKUP, "BackupSchedule": Kind.SCHEDULE}
        kinds |= {"Restore": Kind.RESTORE, "BackupStorage": Kind.STORAGE}
        for owner in body["metadata"].get("ownerReferences") or []:
            if owner["kind"] in kinds:
                self._queue.add(Key(kinds[owner["kind"]], owner["name"]))
        if event == "DELETED" or is_finished(body):
            self._queue.wake_waiting()

    def _concerned(self, kind: Kind, event: str | None, body: Object) -> list[Key]:
        """Others that look at this object: its schedule, its storage, who waits for it."""
        phase = (body.get("status") or {}).get("phase", "")
        if phase not in {*TERMINAL, "Available", "Unavailable"} and event != "DELETED":
            return []
        if kind is Kind.STORAGE:
            self._queue.wake_waiting()
            return []
        found = []
        uid = (body["metadata"].get("labels") or {}).get(SCHEDULE)
        found += [Key(Kind.SCHEDULE, s.name) for s in self._snapshot.schedules
                  if uid and s.metadata.uid == uid]  # fmt: skip
        if kind is Kind.BACKUP:
            found.append(Key(Kind.STORAGE, body["spec"]["storageRef"]["name"]))
            self._queue.wake_waiting()
        return found

    async def lead(self) -> None:
        """Waits for the Lease, then works; raises ``LeaseLost``."""
        self._looked = time.monotonic()
        await self._lease.acquire()
        self._leading = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._lease.keep())
                group.create_task(self._queue.run())
                group.create_task(self._look_again())
        finally:
            self._leading = False

    async def _look_again(self) -> None:
        while True:
            try:
                await self.look()
            except (SimsError, ExceptionGroup) as error:
                metrics.RESYNC_ERRORS.inc()
                log.warning("full look failed", error=str(error))
            self._looked = time.monotonic()
            await asyncio.sleep(self._resync)

    async def look(self) -> None:
        """Every object once: into the queue, the metrics, and against the watches."""
        listed = {kind: await self._world.api.list(kind) for kind in OWN_KINDS}
        for kind, items in listed.items():
            self._guard.compare(kind, items)
        read = {kind: [MODELS[kind].model_validate(i) for i in listed[kind]] for kind in listed}
        self._snapshot = metrics.Snapshot(
            backups=[i for i in read[Kind.BACKUP] if isinstance(i, Backup)],
            schedules=[i for i in read[Kind.SCHEDULE] if isinstance(i, BackupSchedule)],
            restores=[i for i in read[Kind.RESTORE] if isinstance(i, Restore)],
            storages=[i for i in read[Kind.STORAGE] if isinstance(i, BackupStorage)],
        )
        for kind, found in read.items():
            for item in sorted(found, key=lambda i: str(i.metadata.creation_timestamp)):
                if not _at_rest(item):
                    self._queue.add(Key(kind, item.name))
        started = await fence.lift_orphans(self._world)
        if started:
            log.warning("workloads of a lost restore started again", deployments=started)

    def snapshot(self) -> metrics.Snapshot:
        found = self._snapshot
        found.watch_age = self._guard.age
        found.queue_depth = self._queue.depth
        found.leader = self._lease.held
        return found

    def health(self) -> HealthReport:
        age = time.monotonic() - self._looked
        watch = "ok" if self._guard.alive else "fail"
        look = "ok" if not self._leading or age < self._patience else "fail"
        return report(
            {
                "lease": Check(status="ok" if self._lease.held else "skipped"),
                "watch": Check(status=watch, age_seconds=round(self._guard.age, 1)),
                "resync": Check(status=look, age_seconds=round(age, 1)),
            }
        )

    def alive(self) -> bool:
        """No: a watch is dead, or the timer's loop stands still."""
        stands = self._leading and time.monotonic() - self._looked > self._patience
        return self._guard.alive and not stands

    @property
    def _patience(self) -> float:
        return 2 * self._resync + DEAD


def _at_rest(item: object) -> bool:
    """Ended, and nothing wanted of it."""
    match item:
        case Backup():
            done = item.status.phase == "Completed"
            return item.terminal and (not done or item.spec.pinned == item.status.pinned)
        case Restore():
            return item.terminal and (not item.spec.undo or item.status.undo.phase in TERMINAL)
        case _:
            return False
