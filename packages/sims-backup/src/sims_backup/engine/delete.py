"""Deleting one set by name, with the guards that retention has."""

from __future__ import annotations

from sims_backup.contract.results import DeleteResult
from sims_backup.engine.context import Context
from sims_backup.engine.prune import facts_of
from sims_backup.errors import Refused, SetNotFound
from sims_backup.postgres.journal import sets_in_use
from sims_backup.repository import StoredSet
from sims_common.clock import now


def delete_set(context: Context, set_id: str, reason: str) -> DeleteResult:
    """Removes it; one that retention or an earlier run removed is fine.

    Raises ``SetNotFound`` for an id that never was here, ``Refused`` for a set that is
    pinned, locked, being restored, or the only verified one.
    """
    repository = context.repository
    with context.lock():
        repository.adopt(context.installation_id)
        contents = repository.contents()
        found = next((item for item in contents.sets if item.id == set_id), None)
        if found is not None:
            _guard(found, contents.sets, sets_in_use(context.server))
        elif set_id not in contents.damaged and set_id not in repository.tombstones():
            raise SetNotFound(
                f"no backup {set_id} in {context.storage.name}; `sims-backup list` shows them"
            )
        there = found is not None or set_id in contents.damaged
        freed = repository.remove(set_id, reason)
    return DeleteResult(id=set_id, target=context.storage.name, deleted=there, bytes_freed=freed)


def _guard(found: StoredSet, sets: list[StoredSet], in_use: set[str]) -> None:
    facts = facts_of(found, in_use)
    if facts.pinned:
        raise Refused(f"{found.id} is pinned: {found.pin.reason if found.pin else ''}; unpin it")
    if facts.in_use:
        raise Refused(f"{found.id} is being restored")
    if facts.locked_until is not None and facts.locked_until > now():
        raise Refused(f"{found.id} is locked in the store until {facts.locked_until:%Y-%m-%d}")
    verified = [item.id for item in sets if item.state == "verified"]
    if verified == [found.id]:
        raise Refused(f"{found.id} is the last verified backup; take another one first")
