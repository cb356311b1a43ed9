"""Undoing the last restore: the old database and the old media change back."""

from __future__ import annotations

from pathlib import Path

from sims_backup.contract.results import UndoResult
from sims_backup.engine.context import Context
from sims_backup.engine.media_restore import MediaRestore
from sims_backup.engine.recover import recover
from sims_backup.errors import Refused
from sims_backup.postgres import databases
from sims_backup.postgres.journal import Entry, Journal
from sims_backup.postgres.server import Connection


def undoable(context: Context, connection: Connection, wanted: str | None) -> Entry:
    """The newest restore, while its old database is kept; ``wanted`` must name that one."""
    entries = [
        entry
        for entry in Journal(connection).entries(context.server.database)
        if entry.kind == "swap" and entry.state in {"done", "undone", "purged"}
    ]
    if not entries:
        raise Refused(f"no restore of {context.server.database} is in the journal")
    last = entries[-1]
    if wanted is not None and wanted not in {last.restore_id, last.request}:
        raise Refused(
            f"{wanted} is not the last restore of {context.server.database}; that is "
            f"{last.restore_id} ({last.set_id}). See `sims-backup restores`"
        )
    if last.state == "undone" and wanted is not None:
        return last
    if last.state == "undone":
        raise Refused(f"restore {last.restore_id} is undone already")
    if last.state == "purged" or last.kept is None:
        raise Refused(
            f"the database that restore {last.restore_id} replaced is gone; restore the safety "
            f"backup {last.safety_set or '(none was taken)'} instead"
        )
    if not databases.exists(connection, last.kept):
        raise Refused(f"{last.kept} was dropped by hand; restore {last.safety_set or 'a backup'}")
    return last


def undo(context: Context, wanted: str | None = None) -> UndoResult:
    """Puts the state before the last restore back; the restored one is set aside.

    With a restore named (id or request) it may be repeated: an undone one stays undone.
    """
    with context.lock() as lock:
        connection = lock.connection
        recover(context, connection)
        entry = undoable(context, connection, wanted)
        if entry.state == "undone":
            return _result(entry, 0.0, adopted=True)
        kept = entry.kept or ""
        journal = Journal(connection)
        spent = databases.swap(
            context.server,
            connection,
            (entry.database, entry.scratch, kept),
            lambda: journal.set(entry.restore_id, state="undoing"),
        )
        if entry.media_root is not None:
            MediaRestore(Path(entry.media_root), entry.restore_id).revert()
        journal.set(entry.restore_id, state="undone")
    return _result(entry, spent)


def _result(entry: Entry, spent: float, *, adopted: bool = False) -> UndoResult:
    return UndoResult(
        restore_id=entry.restore_id,
        adopted=adopted,
        database=entry.database,
        set_aside=entry.scratch if entry.kept else "",
        swap_seconds=spent,
    )
