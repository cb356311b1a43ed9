"""What comes after a scheduled backup: retention, copies, drills."""

from __future__ import annotations

from sims_backup.contract.results import PruneResult, SyncResult
from sims_backup_operator.crds import Backup, BackupSchedule, BackupStorage
from sims_backup_operator.crds.schedule import RetentionStatus, SyncStatus, SyncTarget
from sims_backup_operator.reconcile.attempts import LATER, SOON, once
from sims_backup_operator.reconcile.available import usable
from sims_backup_operator.reconcile.drills import keep_drills
from sims_backup_operator.reconcile.storage import keeper
from sims_backup_operator.resources import tasks
from sims_backup_operator.resources.names import job_name, short_uid
from sims_backup_operator.status import Truth, with_conditions
from sims_backup_operator.texts import short
from sims_backup_operator.world import World
from sims_common.errors import ValidationFailed

_IDLE = 3600.0
_LINES = 100


async def follow_up(
    world: World, schedule: BackupSchedule, children: list[Backup]
) -> tuple[BackupSchedule, float]:
    """One step of each; returns the seconds until the next look."""
    good = [item for item in children if item.status.phase == "Completed"]
    newest = max(good, key=lambda item: (str(item.status.snapshot_at), item.name), default=None)
    waits = [_IDLE]
    if newest is not None:
        storage, _, _ = await usable(world, schedule.spec.template.storage_ref.name)
        if storage is None:
            waits.append(LATER)
        else:
            schedule, wait = await _prune(world, schedule, storage, newest)
            waits.append(wait)
            for target in schedule.spec.sync:
                schedule, wait = await _sync(world, schedule, storage, target, newest)
                waits.append(wait)
    schedule = await keep_drills(world, schedule, children)
    return schedule, min(waits)


async def _prune(
    world: World, schedule: BackupSchedule, storage: BackupStorage, newest: Backup
) -> tuple[BackupSchedule, float]:
    status = schedule.status
    if schedule.spec.retention is None or status.retention.backup == newest.name:
        return schedule, _IDLE
    ruler = await keeper(world, storage.name)
    if ruler is not None and ruler.metadata.uid != schedule.metadata.uid:
        text = f"BackupSchedule {ruler.name} rules {storage.name}; use another storage or prefix"
        return await _keep(world, schedule, RetentionStatus(backup=newest.name, message=text))
    name = job_name(schedule, f"prune-{short_uid(newest.metadata.uid)}")
    run, other = await once(world, schedule, name, lambda: tasks.prune(schedule, storage))
    if not run.finished:
        return schedule, LATER if other is not None else SOON
    if not run.done and run.may_retry:
        return await _later(world, schedule, f"retention is tried again: {run.why}")
    if not run.done:
        return await _keep(
            world,
            schedule,
            RetentionStatus(
                backup=newest.name, last_run_time=world.now(), message=f"failed: {run.why}"
            ),
        )
    result = PruneResult.model_validate(run.result)
    kept = sum(entry.keep for entry in result.entries)
    lines = [
        f"{entry.id}: {'; '.join([*entry.reasons, *filter(None, [entry.goes_on])])}"
        for entry in result.entries[-_LINES:]
    ]
    found = RetentionStatus(
        backup=newest.name,
        last_run_time=world.now(),
        message="; ".join(short(item, 300) for item in result.warnings[:5]),
        kept=kept,
        deleted=result.deleted[-_LINES:],
        explanation=[short(line, 300) for line in lines],
    )
    return await _keep(world, schedule, found)


async def _later(
    world: World, schedule: BackupSchedule, message: str
) -> tuple[BackupSchedule, float]:
    """The failed Job makes room for another one in a minute."""
    found = schedule.status.retention.model_copy(update={"message": short(message, 300)})
    status = schedule.status.model_copy(update={"retention": found})
    return await world.save(schedule, status), LATER


async def _keep(
    world: World, schedule: BackupSchedule, found: RetentionStatus
) -> tuple[BackupSchedule, float]:
    saved = await world.save(schedule, schedule.status.model_copy(update={"retention": found}))
    gone = f"{found.kept} kept, {len(found.deleted)} removed"
    failed = found.last_run_time is None or found.message.startswith("failed")
    text = "; ".join(filter(None, [found.message, "" if failed else gone]))
    await world.tell(saved, "RetentionFailed" if failed else "Retention", text, warning=failed)
    return saved, SOON


async def _sync(
    world: World,
    schedule: BackupSchedule,
    storage: BackupStorage,
    target: SyncTarget,
    newest: Backup,
) -> tuple[BackupSchedule, float]:
    to = target.storage_ref.name
    known = {item.storage: item for item in schedule.status.sync}
    if to in known and known[to].backup == newest.name:
        return schedule, _IDLE
    into, _, why = await usable(world, to)
    if into is None:
        found = known.get(to, SyncStatus(storage=to)).model_copy(update={"message": why})
        return await _synced(world, schedule, found), LATER
    name = job_name(schedule, f"sync-{short_uid(to + newest.metadata.uid)}")
    try:
        run, other = await once(world, schedule, name, lambda: tasks.sync(target, storage, into))
    except ValidationFailed as error:
        found = SyncStatus(storage=to, backup=newest.name, message=error.detail)
        await _mark(world, newest, "False", "SyncFailed", error.detail)
        return await _synced(world, schedule, found), _IDLE
    if not run.finished:
        return schedule, LATER if other is not None else SOON
    if not run.done and run.may_retry:
        text = short(f"tried again: {run.why}", 300)
        again = known.get(to, SyncStatus(storage=to)).model_copy(update={"message": text})
        return await _synced(world, schedule, again), LATER
    found = SyncStatus(storage=to, backup=newest.name, last_sync_time=world.now())
    if run.done:
        result = SyncResult.model_validate(run.result)
        text = f"{len(result.copied)} copied, {len(result.deleted)} removed"
        await _mark(world, newest, "True", "Synced", f"also in {to}")
    else:
        text = f"failed: {run.why}"
        await _mark(world, newest, "False", "SyncFailed", f"{to}: {run.why}")
    schedule = await _synced(world, schedule, found.model_copy(update={"message": short(text)}))
    await world.tell(schedule, "Sync", f"{to}: {text}", warning=not run.done)
    return schedule, SOON


async def _synced(world: World, schedule: BackupSchedule, found: SyncStatus) -> BackupSchedule:
    others = [item for item in schedule.status.sync if item.storage != found.storage]
    wanted = {target.storage_ref.name for target in schedule.spec.sync}
    kept = [item for item in [*others, found] if item.storage in wanted]
    kept.sort(key=lambda item: item.storage)
    return await world.save(schedule, schedule.status.model_copy(update={"sync": kept}))


async def _mark(world: World, backup: Backup, truth: Truth, reason: str, text: str) -> None:
    fresh = await world.read(Backup, backup.name)
    if fresh is None or fresh.metadata.uid != backup.metadata.uid:
        return
    conditions = with_conditions(
        fresh.status.conditions,
        fresh.metadata.generation,
        world.now(),
        Synced=(truth, reason, short(text)),
    )
    await world.save(fresh, fresh.status.model_copy(update={"conditions": conditions}))
