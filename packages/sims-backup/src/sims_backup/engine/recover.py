"""Finishing or rolling back what a dead process left, from the journal alone."""

from __future__ import annotations

from pathlib import Path

from sims_backup.engine import foreign
from sims_backup.engine.context import Context
from sims_backup.engine.media_restore import MediaRestore
from sims_backup.postgres import databases
from sims_backup.postgres.journal import Entry, Journal
from sims_backup.postgres.server import Connection
from sims_common.clock import now
from sims_common.logs import get_logger

log = get_logger(__name__)


def recover(context: Context, connection: Connection) -> list[str]:
    """Call with the lock held. Returns what was done, a line for each restore."""
    journal = Journal(connection)
    done = []
    for entry in journal.entries(context.server.database):
        match entry.state:
            case "loading" | "loaded":
                _roll_back(journal, connection, entry)
                done.append(f"restore {entry.restore_id} of {entry.set_id} rolled back")
            case "swapped":
                if entry.media_root is not None:
                    MediaRestore(Path(entry.media_root), entry.restore_id).apply()
                journal.set(entry.restore_id, state="done")
                done.append(f"restore {entry.restore_id} of {entry.set_id} finished")
            case "undoing":
                finish_undo(journal, entry)
                done.append(f"undo of restore {entry.restore_id} finished")
            case _:
                continue
        log.warning("interrupted restore settled", outcome=done[-1])
    return done


def _roll_back(journal: Journal, connection: Connection, entry: Entry) -> None:
    databases.drop(connection, entry.scratch)
    if entry.role is not None:
        foreign.drop_role(connection, entry.role)
    if entry.media_root is not None:
        MediaRestore(Path(entry.media_root), entry.restore_id).discard()
    journal.set(entry.restore_id, state="rolled_back")


def finish_undo(journal: Journal, entry: Entry) -> None:
    if entry.media_root is not None:
        MediaRestore(Path(entry.media_root), entry.restore_id).revert()
    journal.set(entry.restore_id, state="undone")


def purge(context: Context, connection: Connection) -> list[str]:
    """Drops databases that were kept for undo and whose time is over."""
    journal = Journal(connection)
    dropped = []
    for entry in journal.entries(context.server.database):
        if entry.state not in {"done", "undone"} or entry.kind != "swap":
            continue
        if entry.kept is None or entry.kept_until is None or entry.kept_until > now():
            continue
        aside = entry.kept if entry.state == "done" else entry.scratch
        databases.drop(connection, aside)
        if entry.media_root is not None:
            MediaRestore(Path(entry.media_root), entry.restore_id).discard()
        state = "purged" if entry.state == "done" else "undone"
        journal.set(entry.restore_id, state=state, kept=None)
        dropped.append(aside)
        log.info("kept database dropped", database=aside, restore=entry.restore_id)
    return dropped
