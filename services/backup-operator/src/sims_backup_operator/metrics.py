"""Metrics of docs/architecture.md, read off the resources at each scrape.

Nothing is counted in memory that a restart would lose, and what is deleted has no series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from sims_backup_operator.crds import Backup, BackupSchedule, BackupStorage, Restore
from sims_backup_operator.resources.names import SCHEDULE

RECONCILE_ERRORS = Counter(
    "sims_operator_reconcile_errors_total", "Looks at an object that failed", ["kind"]
)
RECONCILES = Counter("sims_operator_reconciles_total", "Looks at an object", ["kind"])
RESYNC_ERRORS = Counter("sims_operator_resync_errors_total", "Full looks that failed")

_BACKUP_PHASES = (
    "Pending", "Running", "Uploading", "Verifying", "Completed", "Failed", "Skipped",
)  # fmt: skip


@dataclass
class Snapshot:
    """The resources as last read."""

    backups: list[Backup] = field(default_factory=list)
    schedules: list[BackupSchedule] = field(default_factory=list)
    restores: list[Restore] = field(default_factory=list)
    storages: list[BackupStorage] = field(default_factory=list)
    watch_age: float = 0.0
    queue_depth: int = 0
    leader: bool = False


class ResourceCollector(Collector):
    """``take`` gives the snapshot of the moment."""

    def __init__(self, take: Callable[[], Snapshot]) -> None:
        self._take = take

    @override
    def collect(self) -> Iterator[Metric]:
        world = self._take()
        yield from _schedules(world)
        yield from _backups(world)
        yield from _storages(world)
        yield from _restores(world)
        yield _single("sims_operator_watch_age_seconds", "Delay of a watch", world.watch_age)
        yield _single("sims_operator_queue_depth", "Objects to look at", world.queue_depth)
        yield _single("sims_operator_leader", "1: this replica acts", float(world.leader))


def _single(name: str, text: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, text)
    family.add_metric([], value)
    return family


def _family(
    name: str, text: str, labels: list[str], rows: Iterable[tuple[list[str], float | None]]
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in rows:
        if value is not None:
            family.add_metric(values, value)
    return family


def _stamp(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def _schedules(world: Snapshot) -> Iterator[Metric]:
    found = world.schedules
    label = ["schedule"]
    yield _family(
        "sims_backup_last_success_timestamp_seconds",
        "When the newest backup of the schedule completed; 0: never",
        label,
        (([s.name], _stamp(s.status.last_success_time) or 0.0) for s in found),
    )
    yield _family(
        "sims_backup_expected_interval_seconds",
        "Longest time between two slots of the schedule",
        label,
        (([s.name], float(s.status.interval_seconds)) for s in found if s.status.interval_seconds),
    )
    yield _family(
        "sims_backup_schedule_suspended_since_timestamp_seconds",
        "Since when the schedule is suspended; no series: it is not",
        label,
        (([s.name], _stamp(s.status.suspended_since)) for s in found),
    )
    yield _family(
        "sims_backup_schedule_created_timestamp_seconds",
        "When the schedule was made",
        label,
        (([s.name], _stamp(s.metadata.creation_timestamp)) for s in found),
    )
    yield _family(
        "sims_backup_schedule_invalid",
        "1: cron expression or time zone can't be used",
        label,
        (([s.name], float(s.status.phase == "Invalid")) for s in found),
    )
    yield _family(
        "sims_backup_last_verified_timestamp_seconds",
        "When a backup of the schedule last passed a drill; 0: never",
        label,
        (([s.name], _stamp(_drilled(world, s)) or 0.0) for s in found if s.spec.drill),
    )


def _drilled(world: Snapshot, schedule: BackupSchedule) -> datetime | None:
    """The newest drill that passed: those of the schedule, or of its backups."""
    uid = schedule.metadata.uid
    own = {b.status.set_id for b in world.backups if b.labels.get(SCHEDULE) == uid}
    moments = [
        r.status.completed_at
        for r in world.restores
        if r.spec.mode == "Drill"
        and r.status.phase == "Completed"
        and r.status.completed_at is not None
        and (r.labels.get(SCHEDULE) == uid or r.status.set_id in own)
    ]
    return max(moments, default=None)


def _backups(world: Snapshot) -> Iterator[Metric]:
    names = {s.metadata.uid: s.name for s in world.schedules}
    newest: dict[str, list[Backup]] = {}
    for item in world.backups:
        if item.status.phase == "Completed" and item.status.snapshot_at is not None:
            newest.setdefault(names.get(item.labels.get(SCHEDULE, ""), ""), []).append(item)
    for items in newest.values():
        items.sort(key=lambda item: str(item.status.snapshot_at))
    yield _family(
        "sims_backup_size_bytes",
        "Size of the newest set; schedule is empty for those made by hand",
        ["schedule"],
        (([name], float(items[-1].status.size_bytes)) for name, items in newest.items()),
    )
    yield _family(
        "sims_backup_previous_size_bytes",
        "Size of the set before it",
        ["schedule"],
        (
            ([name], float(items[-2].status.size_bytes))
            for name, items in newest.items()
            if len(items) > 1
        ),
    )
    yield _family(
        "sims_backup_duration_seconds",
        "Time that the newest backup took",
        ["schedule", "stage"],
        (
            ([name, "total"], items[-1].status.duration_seconds or None)
            for name, items in newest.items()
        ),
    )
    yield _family(
        "sims_backups",
        "Backup objects by phase",
        ["phase"],
        (([phase], float(_count(world.backups, phase))) for phase in _BACKUP_PHASES),
    )
    yield _family(
        "sims_backup_missing",
        "Completed backups whose set is gone from its storage",
        [],
        [([], float(sum(_is_missing(item) for item in world.backups)))],
    )


def _count(backups: list[Backup], phase: str) -> int:
    return sum(item.status.phase == phase for item in backups)


def _is_missing(backup: Backup) -> bool:
    return any(c.type == "Ready" and c.reason == "SetMissing" for c in backup.status.conditions)


def _storages(world: Snapshot) -> Iterator[Metric]:
    yield _family(
        "sims_backup_storage_available",
        "1: the last probe reached the storage",
        ["storage"],
        (([s.name], float(s.status.phase == "Available")) for s in world.storages),
    )
    yield _family(
        "sims_backup_storage_sets",
        "Good sets in the storage",
        ["storage"],
        (([s.name], float(s.status.sets)) for s in world.storages),
    )


def _restores(world: Snapshot) -> Iterator[Metric]:
    rows: dict[tuple[str, str], int] = {}
    for item in world.restores:
        key = (item.spec.mode, item.status.phase)
        rows[key] = rows.get(key, 0) + 1
    yield _family(
        "sims_restores",
        "Restore objects by mode and phase",
        ["mode", "phase"],
        ((list(key), float(count)) for key, count in rows.items()),
    )
    drills = [r for r in world.restores if r.spec.mode == "Drill" and r.status.recovery_seconds]
    drills.sort(key=lambda r: str(r.status.completed_at))
    yield _family(
        "sims_recovery_time_seconds",
        "Measured by the last drill that passed",
        [],
        [([], r.status.recovery_seconds) for r in drills[-1:]],
    )
    yield _family(
        "sims_restore_workloads_stopped",
        "Deployments that a restore keeps at 0",
        [],
        [([], float(sum(len(r.status.fenced) for r in world.restores)))],
    )
