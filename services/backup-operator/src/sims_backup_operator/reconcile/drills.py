"""Drills of a schedule: Restores of mode Drill, made by the clock or for each n-th backup."""

from __future__ import annotations

from sims_backup_operator.crds import Backup, BackupSchedule, Restore
from sims_backup_operator.crds.common import API_VERSION
from sims_backup_operator.crds.schedule import DrillPolicy
from sims_backup_operator.kube import Exists, Kind, Object
from sims_backup_operator.reconcile.due import drill_due
from sims_backup_operator.resources.names import (
    DRILL,
    MANAGED,
    SCHEDULE,
    SCHEDULE_NAME,
    label_value,
)
from sims_backup_operator.slots import Cron, slot_name
from sims_backup_operator.world import World


async def keep_drills(
    world: World, schedule: BackupSchedule, children: list[Backup]
) -> BackupSchedule:
    """Raises ``ValidationFailed`` for a drill schedule that is no cron expression."""
    policy = schedule.spec.drill
    if policy is None:
        return schedule
    update = await _make_due(world, schedule, policy, children)
    drills = await world.read_all(Restore, {SCHEDULE: schedule.metadata.uid})
    ended = [item for item in drills if item.terminal]
    if ended:
        last = ended[-1]
        update |= {
            "last_drill": last.name,
            "last_drill_time": last.status.completed_at,
            "message": last.status.message,
        }
        if last.status.recovery_time:
            update["recovery_time"] = last.status.recovery_time
    for item in ended[: max(0, len(ended) - policy.history_limit)]:
        await world.api.delete(Kind.RESTORE, item.name, uid=item.metadata.uid)
    found = schedule.status.drill.model_copy(update=update)
    return await world.save(schedule, schedule.status.model_copy(update={"drill": found}))


async def _make_due(
    world: World, schedule: BackupSchedule, policy: DrillPolicy, children: list[Backup]
) -> dict[str, object]:
    if policy.schedule is not None:
        clock = Cron(policy.schedule, schedule.spec.time_zone)
        slot = drill_due(schedule, clock, world.now())
        if slot is None:
            return {}
        if not schedule.spec.suspend:
            await _make(world, schedule, slot_name(f"{schedule.name[:190]}-drill", slot), None)
        return {"checked_until": slot}
    marked = [
        item
        for item in children
        if item.labels.get(DRILL) == "true" and item.status.phase == "Completed"
    ]
    if marked and not marked[-1].status.recovery_time:
        await _make(world, schedule, f"{marked[-1].name[:240]}-drill", marked[-1])
    return {}


async def _make(world: World, schedule: BackupSchedule, name: str, backup: Backup | None) -> None:
    storage = schedule.spec.template.storage_ref.name
    spec: Object = {"mode": "Drill", "source": {"storageRef": {"name": storage}, "latest": True}}
    if backup is not None:
        spec = {"mode": "Drill", "backupRef": {"name": backup.name}}
    labels = {
        **MANAGED,
        SCHEDULE: schedule.metadata.uid,
        SCHEDULE_NAME: label_value(schedule.name),
    }
    body: Object = {
        "apiVersion": API_VERSION,
        "kind": "Restore",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }
    try:
        await world.api.create(Kind.RESTORE, body)
    except Exists:
        return
    await world.tell(schedule, "DrillCreated", name)
