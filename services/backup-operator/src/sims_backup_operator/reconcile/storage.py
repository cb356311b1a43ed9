"""BackupStorage, in numbered steps.

1 probe due · 2 the probe's Job · 3 available or not · 4 sets and Backups · 5 deletions
"""

from __future__ import annotations

from datetime import timedelta

from sims_backup.contract.results import ListResult
from sims_backup_operator.crds import Backup, BackupSchedule, BackupStorage, StorageStatus
from sims_backup_operator.crds.storage import Phase
from sims_backup_operator.reconcile.attempts import GRACE, SOON, fetch, make
from sims_backup_operator.reconcile.deletions import delete_sets
from sims_backup_operator.reconcile.listing import apply_listing
from sims_backup_operator.resources import tasks
from sims_backup_operator.resources.names import job_name
from sims_backup_operator.runs import Run
from sims_backup_operator.status import Truth, with_conditions
from sims_backup_operator.texts import short, size
from sims_backup_operator.world import World

_SOON = timedelta(seconds=60)
_PROBLEMS = 20


async def reconcile(world: World, storage: BackupStorage) -> float | None:
    """Returns the seconds until it should be looked at again."""
    status = storage.status
    # 1 probe due
    if status.probe_number == status.probed_number:
        wait = await _due(world, storage)
        if wait <= 0:
            update = {"probe_number": status.probe_number + 1, "probe_at": world.now()}
            storage = await world.save(storage, status.model_copy(update=update))
            return await _probe(world, storage)
        # 5 deletions, between two probes
        return min(wait, await delete_sets(world, storage))
    return await _probe(world, storage)


async def _due(world: World, storage: BackupStorage) -> float:
    """Seconds until the next probe; 0 or less: now."""
    status = storage.status
    if status.last_probe_time is None or status.observed_generation != storage.metadata.generation:
        return 0.0
    interval = timedelta(seconds=storage.spec.probe_interval_seconds)
    if status.phase != "Available" or await _has_news(world, storage):
        interval = min(interval, _SOON)
    passed = world.now() - status.last_probe_time
    if passed < timedelta(0):
        return 0.0  # the clock was set back
    return (interval - passed).total_seconds()


async def _has_news(world: World, storage: BackupStorage) -> bool:
    """A Backup that ended since: the figures of the status are not those of the storage."""
    probed = storage.status.probe_at
    for item in await world.read_all(Backup):
        ended = item.status.completed_at
        if item.spec.storage_ref.name != storage.name or ended is None or probed is None:
            continue
        if item.status.phase == "Completed" and item.spec.set_id is None and ended >= probed:
            return True
    return False


async def _probe(world: World, storage: BackupStorage) -> float:
    # 2 the probe's Job
    status = storage.status
    name = job_name(storage, f"probe{status.probe_number}")
    job, run = await fetch(world, storage, name)
    overdue = world.now() > (status.probe_at or world.now()) + 2 * GRACE
    if job is None and overdue:
        lost = Run("failed", message="the probe's Job disappeared")
        return await _unavailable(world, storage, lost)
    if job is None:
        schedule = await keeper(world, storage.name)
        await make(world, storage, name, tasks.probe(storage, schedule))
        return SOON
    if not run.finished and not overdue:
        return SOON
    # 3 available or not
    if not run.done:
        return await _unavailable(world, storage, run)
    listing = ListResult.model_validate(run.result)
    # 4 sets and Backups, before the status says that they are known
    schedule = await keeper(world, storage.name)
    await apply_listing(world, storage, listing, explained=schedule is not None)
    newest = listing.sets[-1] if listing.sets else None
    update: dict[str, object] = {
        "last_available_time": world.now(),
        "sets": len(listing.sets),
        "newest_set": newest.id if newest else "",
        "newest_set_at": newest.created_at if newest else None,
        "size": size(sum(item.size for item in listing.sets)),
        "problems": [short(item, 300) for item in listing.problems[:_PROBLEMS]],
    }
    await _probed(world, storage, "Available", "Available", "", update)
    return 0.5


async def keeper(world: World, storage: str) -> BackupSchedule | None:
    """The schedule whose retention rules this storage: the oldest that has one."""
    for schedule in await world.read_all(BackupSchedule):
        if schedule.spec.template.storage_ref.name == storage and schedule.spec.retention:
            return schedule
    return None


async def _unavailable(world: World, storage: BackupStorage, run: Run) -> float:
    await _probed(world, storage, "Unavailable", run.reason, run.why, {})
    return _SOON.total_seconds()


async def _probed(
    world: World,
    storage: BackupStorage,
    phase: Phase,
    reason: str,
    message: str,
    update: dict[str, object],
) -> None:
    now, generation = world.now(), storage.metadata.generation
    ready: Truth = "True" if phase == "Available" else "False"
    text = short(message)
    conditions = with_conditions(
        storage.status.conditions, generation, now, Ready=(ready, reason, text)
    )
    status: StorageStatus = storage.status.model_copy(
        update={
            **update,
            "phase": phase,
            "reason": reason,
            "message": text,
            "probed_number": storage.status.probe_number,
            "last_probe_time": now,
            "observed_generation": generation,
            "conditions": conditions,
        }
    )
    changed = storage.status.phase != phase
    saved = await world.save(storage, status)
    if changed:
        told = text or f"{status.sets} sets"
        await world.tell(saved, phase, told, warning=phase == "Unavailable")
