"""Making the Backup of a slot: once, whoever asks how often."""

from __future__ import annotations

from datetime import datetime

from sims_backup_operator.crds import Backup, BackupSchedule
from sims_backup_operator.crds.common import API_VERSION
from sims_backup_operator.kube import Exists, Kind, Object
from sims_backup_operator.resources.names import (
    DRILL,
    MANAGED,
    SCHEDULE,
    SCHEDULE_NAME,
    SKIP,
    SLOT,
    label_value,
)
from sims_backup_operator.world import World


async def create_backup(
    world: World,
    schedule: BackupSchedule,
    name: str,
    slot: datetime | None,
    number: int,
    children: list[Backup],
) -> bool:
    """False when a Backup of that name belongs to somebody else: the slot is given up.

    No owner reference: deleting a schedule keeps its backups.
    """
    labels = {
        **MANAGED,
        SCHEDULE: schedule.metadata.uid,
        SCHEDULE_NAME: label_value(schedule.name),
    }
    if slot is not None:
        labels[SLOT] = f"{slot:%Y%m%dt%H%Mz}"
    drill = schedule.spec.drill
    if drill is not None and drill.every_nth is not None and number % drill.every_nth == 0:
        labels[DRILL] = "true"
    annotations = {}
    running = [item for item in children if not item.terminal and item.name != name]
    if running and schedule.spec.concurrency_policy == "Forbid":
        annotations[SKIP] = f"{running[-1].name} still runs (concurrencyPolicy Forbid)"
    if running and schedule.spec.concurrency_policy == "Replace":
        for item in running:
            await world.api.delete(Kind.BACKUP, item.name, uid=item.metadata.uid)
            await world.tell(schedule, "Replaced", f"{item.name} gave way to {name}")
    template = schedule.spec.template.model_dump(mode="json", by_alias=True, exclude_none=True)
    body: Object = {
        "apiVersion": API_VERSION,
        "kind": "Backup",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": template,
    }
    try:
        await world.api.create(Kind.BACKUP, body)
    except Exists:
        return await _ours(world, schedule, name)
    await world.tell(schedule, "BackupCreated", name)
    return True


async def _ours(world: World, schedule: BackupSchedule, name: str) -> bool:
    found = await world.api.get(Kind.BACKUP, name)
    labels = (found or {}).get("metadata", {}).get("labels") or {}
    if found is None or labels.get(SCHEDULE) == schedule.metadata.uid:
        return True
    await world.tell(
        schedule, "NameTaken", f"Backup {name} exists and is not of this schedule", warning=True
    )
    return False
