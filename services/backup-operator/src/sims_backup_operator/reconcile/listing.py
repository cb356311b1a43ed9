"""A storage's listing and the Backup objects: the storage is the truth, they are its record."""

from __future__ import annotations

from sims_backup.contract.results import ListResult, SetSummary
from sims_backup_operator.crds import Backup, BackupStatus, BackupStorage
from sims_backup_operator.crds.common import API_VERSION
from sims_backup_operator.kube import Exists, Kind, Object
from sims_backup_operator.resources.names import DISCOVERED, MANAGED, backup_name, parent_of
from sims_backup_operator.status import Truth, with_conditions
from sims_backup_operator.texts import duration, short, size
from sims_backup_operator.world import World

_SETTLE = 60.0


async def apply_listing(
    world: World, storage: BackupStorage, listing: ListResult, *, explained: bool
) -> None:
    """Makes Backups of sets that have none, refreshes the others, removes those of gone sets."""
    mine = [
        item for item in await world.read_all(Backup) if item.spec.storage_ref.name == storage.name
    ]
    # A run that failed after its set was published has a set all the same: it gets its own record.
    records = [item for item in mine if item.status.phase not in {"Failed", "Skipped"}]
    by_set = {item.status.set_id or item.spec.set_id: item for item in records}
    by_parent = {parent_of(item): item for item in records}
    going = {item.set_id for item in storage.status.pending_deletions}
    for summary in listing.sets:
        backup = by_set.get(summary.id) or by_parent.get(summary.parent)
        if backup is None and summary.id not in going:
            backup = await _discover(world, storage, summary)
        if backup is not None:
            await _refresh(world, backup, summary, explained=explained)
    await _missing(world, storage, mine, listing)


async def _discover(world: World, storage: BackupStorage, summary: SetSummary) -> Backup | None:
    name = backup_name(summary.id)
    body: Object = {
        "apiVersion": API_VERSION,
        "kind": "Backup",
        "metadata": {"name": name, "labels": {**MANAGED, DISCOVERED: "true"}},
        "spec": {
            "storageRef": {"name": storage.name},
            "setId": summary.id,
            "format": summary.format,
            "media": summary.media_files is not None,
            "encryption": summary.encrypted,
            "pinned": summary.pinned,
            "deletionPolicy": "Retain",
        },
    }
    try:
        made = await world.api.create(Kind.BACKUP, body)
    except Exists:
        # The same set in another storage, or a Backup being deleted: told apart by its storage.
        other = await world.read(Backup, name)
        if other is not None and other.spec.storage_ref.name != storage.name:
            return await _beside(world, storage, summary, body)
        return None
    return Backup.model_validate(made)


async def _beside(
    world: World, storage: BackupStorage, summary: SetSummary, body: Object
) -> Backup | None:
    name = f"{backup_name(summary.id)}.{storage.name}"[:253]
    try:
        made = await world.api.create(
            Kind.BACKUP, {**body, "metadata": {**body["metadata"], "name": name}}
        )
    except Exists:
        return None
    return Backup.model_validate(made)


async def _refresh(world: World, backup: Backup, summary: SetSummary, *, explained: bool) -> None:
    """A Backup that runs is left to its own reconcile; one without a result gets it here."""
    status = backup.status
    if status.phase != "Completed" and backup.spec.set_id is None:
        return
    fresh = status.phase != "Completed"
    update: dict[str, object] = {
        "phase": "Completed",
        "set_id": summary.id,
        "snapshot_at": summary.created_at,
        "format": summary.format,
        "size": size(summary.size),
        "size_bytes": summary.size,
        "media_files": summary.media_files or 0,
        "verified_at": summary.verified_at or status.verified_at,
        "pinned": summary.pinned,
        "retention": short("; ".join(summary.reasons), 300) if explained else "",
        "observed_generation": backup.metadata.generation,
    }
    if summary.recovery_time is not None:
        update["recovery_time"] = duration(summary.recovery_time)
        update["recovery_seconds"] = round(summary.recovery_time, 3)
    if fresh:
        update |= {"reason": "Found", "message": "found in the storage"}
        update["completed_at"] = summary.finished_at
    new = status.model_copy(update=update)
    saved = await world.save(backup, _conditions(world, backup, new, summary, fresh=fresh))
    if fresh:
        await world.tell(saved, "Found", f"{summary.id} in {backup.spec.storage_ref.name}")


def _conditions(
    world: World, backup: Backup, status: BackupStatus, summary: SetSummary, *, fresh: bool
) -> BackupStatus:
    known = {condition.type: condition for condition in status.conditions}
    truth: Truth = "True" if summary.state == "verified" else "False"
    wanted: dict[str, tuple[Truth, str, str]] = {}
    if "Verified" not in known or known["Verified"].status != truth:
        words = {
            "verified": "read back, or restored by a drill",
            "unverified": "never read back",
            "failed": "its last verification failed; see `sims-backup show`",
        }
        wanted["Verified"] = (truth, summary.state.capitalize(), words[summary.state])
    ready = known.get("Ready")
    if fresh or ready is None or ready.reason == "SetMissing":
        wanted["Ready"] = ("True", "Found", "")
        wanted["Progressing"] = ("False", "Completed", "")
    conditions = with_conditions(
        status.conditions, backup.metadata.generation, world.now(), **wanted
    )
    return status.model_copy(update={"conditions": conditions})


async def _missing(
    world: World, storage: BackupStorage, mine: list[Backup], listing: ListResult
) -> None:
    """Removed on purpose (a tombstone says so): the record goes. Otherwise it is an alarm."""
    present = {summary.id for summary in listing.sets}
    removed = set(listing.removed)
    began = storage.status.probe_at or world.now()
    for backup in mine:
        status = backup.status
        if status.phase != "Completed" or status.set_id in present:
            continue
        ended = status.completed_at
        if ended is None or (began - ended).total_seconds() < _SETTLE:
            continue  # published while the listing ran
        if status.set_id in removed:
            await world.api.delete(Kind.BACKUP, backup.name, uid=backup.metadata.uid)
            await world.tell(storage, "SetRemoved", f"{status.set_id}: retention or a deletion")
            continue
        where = "is damaged" if status.set_id in listing.damaged else "is not in the storage"
        text = f"{status.set_id} {where}; copy it back from another storage"
        ready = next((c for c in status.conditions if c.type == "Ready"), None)
        conditions = with_conditions(
            status.conditions,
            backup.metadata.generation,
            world.now(),
            Ready=("False", "SetMissing", text),
        )
        saved = await world.save(backup, status.model_copy(update={"conditions": conditions}))
        if ready is None or ready.reason != "SetMissing":
            await world.tell(saved, "SetMissing", text, warning=True)
