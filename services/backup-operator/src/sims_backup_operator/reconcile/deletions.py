"""Deleting sets whose Backup with ``deletionPolicy: Delete`` was deleted; docs/adr/0042.

No finalizer: the storage's status remembers which sets go with their object. So a Backup can
be deleted while the operator or the storage is away, and its set goes later.
"""

from __future__ import annotations

from datetime import timedelta

from sims_backup.contract.exits import Exit
from sims_backup_operator.crds import Backup, BackupStorage, StorageStatus
from sims_backup_operator.crds.storage import PendingDeletion
from sims_backup_operator.kube import Forbidden
from sims_backup_operator.reconcile.attempts import LATER, SOON, once
from sims_backup_operator.resources import tasks
from sims_backup_operator.resources.names import digest, job_name
from sims_backup_operator.runs import Run
from sims_backup_operator.texts import short
from sims_backup_operator.world import World

_IDLE = 3600.0
_AGAIN = timedelta(minutes=15)
_DONE = {Exit.OK, Exit.NOT_FOUND}


async def delete_sets(world: World, storage: BackupStorage) -> float:
    """Returns the seconds until it should be looked at again."""
    storage = await world.save(storage, await _remember(world, storage))
    pending = storage.status.pending_deletions
    if not pending or storage.status.phase != "Available":
        return _IDLE
    first = min(pending, key=lambda item: (bool(item.message), item.since))
    patience = _AGAIN if first.message else world.deletion_grace
    wait = patience - (world.now() - first.since)
    if wait.total_seconds() > 0:
        return wait.total_seconds()
    name = job_name(storage, f"d{storage.status.deletion_number}-{digest(first.set_id)[:6]}")
    try:
        run, other = await once(world, storage, name, lambda: tasks.deletion(storage, first.set_id))
    except Forbidden:
        return LATER  # the namespace is being deleted: its sets stay
    if other is not None or not run.finished:
        return SOON
    await _settle(world, storage, first, run)
    return SOON


async def _remember(world: World, storage: BackupStorage) -> StorageStatus:
    """Which sets go with their object, and which objects are gone."""
    status = storage.status
    there: dict[str, bool] = {}
    for backup in await world.read_all(Backup):
        leaving = backup.metadata.deletion_timestamp is not None
        if backup.spec.storage_ref.name == storage.name and backup.status.set_id and not leaving:
            goes = backup.spec.deletion_policy == "Delete" and backup.status.phase == "Completed"
            there[backup.status.set_id] = goes
    wanted = {set_id for set_id, goes in there.items() if goes}
    kept = {set_id for set_id in status.delete_with_object if there.get(set_id, True)}
    known = {item.set_id: item for item in status.pending_deletions}
    pending = [
        known.get(set_id) or PendingDeletion(set_id=set_id, since=world.now())
        for set_id in sorted(kept)
        if set_id not in there
    ]
    return status.model_copy(
        update={"delete_with_object": sorted(wanted | kept), "pending_deletions": pending}
    )


async def _settle(world: World, storage: BackupStorage, item: PendingDeletion, run: Run) -> None:
    status = storage.status
    update: dict[str, object] = {"deletion_number": status.deletion_number + 1}
    if run.exit_code in _DONE:
        update["delete_with_object"] = [i for i in status.delete_with_object if i != item.set_id]
        update["pending_deletions"] = [
            i for i in status.pending_deletions if i.set_id != item.set_id
        ]
        reason, text = "SetDeleted", f"{item.set_id}: its Backup was deleted"
    else:
        reason, text = "DeletionFailed", f"{item.set_id}: {run.why}"
        again = item.model_copy(update={"since": world.now(), "message": short(run.why, 300)})
        update["pending_deletions"] = [
            again if i.set_id == item.set_id else i for i in status.pending_deletions
        ]
    saved = await world.save(storage, status.model_copy(update=update))
    await world.tell(saved, reason, text, warning=run.exit_code not in _DONE)
