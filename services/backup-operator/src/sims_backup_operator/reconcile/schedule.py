"""BackupSchedule, in numbered steps.

1 cron and zone · 2 suspended · 3 the slot that is due · 4 run now · 5 retention, copies,
drills of what completed · 6 old failures · 7 status
"""

from __future__ import annotations

from datetime import UTC, datetime

from sims_backup_operator.crds import Backup, BackupSchedule, ScheduleStatus
from sims_backup_operator.kube import Kind
from sims_backup_operator.reconcile.due import Due, decide
from sims_backup_operator.reconcile.followups import follow_up
from sims_backup_operator.reconcile.slot import create_backup
from sims_backup_operator.resources.names import SCHEDULE, digest
from sims_backup_operator.slots import Cron, slot_name
from sims_backup_operator.status import Truth, with_conditions
from sims_backup_operator.texts import short
from sims_backup_operator.world import World
from sims_common.errors import ValidationFailed

_LONGEST_WAIT = 60.0


async def reconcile(world: World, schedule: BackupSchedule) -> float | None:
    """Returns the seconds until it should be looked at again; None: wrong until it changes."""
    # 1 cron and zone
    try:
        cron = Cron(schedule.spec.schedule, schedule.spec.time_zone)
    except ValidationFailed as error:
        await _invalid(world, schedule, error.detail)
        return None
    children = await world.read_all(Backup, {SCHEDULE: schedule.metadata.uid})
    # 2 suspended, 3 the slot that is due
    schedule = await _act(world, schedule, decide(schedule, cron, world.now()), children)
    # 4 run now
    schedule = await _run_now(world, schedule)
    # 5 retention, copies, drills of what completed
    schedule, wait = await follow_up(world, schedule, children)
    # 6 old failures
    await _trim(world, schedule, children)
    # 7 status
    schedule = await _report(world, schedule, cron, children)
    following = schedule.status.next_schedule_time
    if following is None:
        return wait
    return max(0.5, min(wait, _LONGEST_WAIT, (following - world.now()).total_seconds() + 0.5))


async def _act(
    world: World, schedule: BackupSchedule, due: Due, children: list[Backup]
) -> BackupSchedule:
    status = schedule.status
    update: dict[str, object] = {}
    if due.settled is not None:
        update["checked_until"] = due.settled
    update["suspended_since"] = None
    if schedule.spec.suspend:
        update["suspended_since"] = status.suspended_since or world.now()
    if due.missed is not None:
        update["missed"] = status.missed + 1
        text = f"slot {due.missed:%Y-%m-%d %H:%M} UTC is past its starting deadline"
        await world.tell(schedule, "MissedSlot", text, warning=True)
    if due.slot is not None:
        name = slot_name(schedule.name, due.slot)
        number = status.created + 1
        made = await create_backup(world, schedule, name, due.slot, number, children)
        if made:
            update |= {"created": number, "last_backup": name}
        update["last_schedule_time"] = due.slot
    return await world.save(schedule, status.model_copy(update=update))


async def _run_now(world: World, schedule: BackupSchedule) -> BackupSchedule:
    """A new text takes one backup; the same text never a second one."""
    wanted, status = schedule.spec.run_now, schedule.status
    if not wanted or wanted == status.last_run_now:
        return schedule
    name = f"{schedule.name[:200]}-now-{digest(wanted)[:8]}"
    number = status.created + 1
    made = await create_backup(world, schedule, name, None, number, [])
    update: dict[str, object] = {"last_run_now": wanted}
    if made:
        update |= {"created": number, "last_backup": name}
    return await world.save(schedule, status.model_copy(update=update))


async def _trim(world: World, schedule: BackupSchedule, children: list[Backup]) -> None:
    """Objects of failed and skipped runs have no set; only the newest are kept."""
    useless = [item for item in children if item.status.phase in {"Failed", "Skipped"}]
    limit = schedule.spec.failed_history_limit
    for item in useless[: max(0, len(useless) - limit)]:
        await world.api.delete(Kind.BACKUP, item.name, uid=item.metadata.uid)


async def _report(
    world: World, schedule: BackupSchedule, cron: Cron, children: list[Backup]
) -> BackupSchedule:
    now, spec, status = world.now(), schedule.spec, schedule.status
    good = [item for item in children if item.status.phase == "Completed"]
    newest = max(good, key=_moment, default=None)
    last = children[-1] if children else None
    update: dict[str, object] = {
        "phase": "Suspended" if spec.suspend else "Active",
        "next_schedule_time": None if spec.suspend else cron.next(now),
        "interval_seconds": int(cron.interval(now).total_seconds()),
        "observed_generation": schedule.metadata.generation,
    }
    if newest is not None and _moment(newest) >= (status.last_success_time or _moment(newest)):
        update |= {"last_success": newest.name, "last_success_time": newest.status.completed_at}
    if last is not None and last.status.phase == "Failed":
        truth, reason, text = "False", "BackupFailed", f"{last.name}: {last.status.message}"
    elif spec.suspend:
        truth, reason, text = "False", "Suspended", "spec.suspend is true: no new backups"
    else:
        truth, reason, text = "True", "Scheduled", ""
    update |= {"reason": reason, "message": short(text)}
    return await _save(world, schedule, status.model_copy(update=update), truth)


def _moment(backup: Backup) -> datetime:
    return backup.status.completed_at or datetime.min.replace(tzinfo=UTC)


async def _invalid(world: World, schedule: BackupSchedule, why: str) -> None:
    fresh = schedule.status.message != why
    status = schedule.status.model_copy(
        update={
            "phase": "Invalid",
            "reason": "InvalidSchedule",
            "message": short(why),
            "next_schedule_time": None,
            "observed_generation": schedule.metadata.generation,
        }
    )
    saved = await _save(world, schedule, status, "False")
    if fresh:
        await world.tell(saved, "InvalidSchedule", why, warning=True)


async def _save(
    world: World, schedule: BackupSchedule, status: ScheduleStatus, truth: str
) -> BackupSchedule:
    ready: Truth = "True" if truth == "True" else "False"
    conditions = with_conditions(
        status.conditions,
        schedule.metadata.generation,
        world.now(),
        Ready=(ready, status.reason, status.message),
    )
    return await world.save(schedule, status.model_copy(update={"conditions": conditions}))
