"""Which slot a schedule owes now. Pure, from the persisted status: the past is not in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sims_backup_operator.crds import BackupSchedule
from sims_backup_operator.slots import Cron

_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Due:
    """``slot`` to back up now; ``settled``: nothing up to here is looked at again."""

    slot: datetime | None = None
    settled: datetime | None = None
    missed: datetime | None = None


def decide(schedule: BackupSchedule, cron: Cron, now: datetime) -> Due:
    """At most one slot: the newest. Older ones that were missed are settled with it."""
    spec = schedule.spec
    since = schedule.status.checked_until or schedule.metadata.creation_timestamp or now
    if since > now + _SKEW:
        # The clock was set back. A slot that had its backup keeps its name and is not repeated.
        return Due(settled=now)
    slot = cron.latest(since, now) if since < now else None
    if slot is None:
        return Due()
    if spec.suspend:
        return Due(settled=slot)
    limit = spec.starting_deadline_seconds
    if limit is not None and now - slot > timedelta(seconds=limit):
        return Due(settled=slot, missed=slot)
    return Due(slot=slot, settled=slot)


def drill_due(schedule: BackupSchedule, cron: Cron, now: datetime) -> datetime | None:
    """The newest slot of the drill's own clock that is not yet acted upon."""
    status = schedule.status.drill
    since = status.checked_until or schedule.metadata.creation_timestamp or now
    if since > now + _SKEW:
        since = now
    return cron.latest(since, now) if since < now else None
