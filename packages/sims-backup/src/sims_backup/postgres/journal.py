"""The restore journal: a table in the maintenance database, beside what it describes.

It survives the process, the pod and the store. States and what a new process does:

``loading``, ``loaded``   the live database is untouched → drop the new one: ``rolled_back``
``swapped``               the new one is live → finish media: ``done``
``undoing``               the old one is live again → put media back: ``undone``
``done``, ``undone``      the database set aside waits for ``kept_until`` → ``purged``
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import sql
from psycopg.rows import class_row

from sims_backup.contract.results import RestoreState
from sims_backup.postgres.server import Connection, Server, database_errors
from sims_backup.steps import effect

Kind = Literal["swap", "into", "drill"]

_CREATE = """
CREATE SCHEMA IF NOT EXISTS sims_admin;
CREATE TABLE IF NOT EXISTS sims_admin.restore_journal (
  restore_id text PRIMARY KEY,
  guard text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('swap', 'into', 'drill')),
  database text NOT NULL,
  set_id text NOT NULL,
  state text NOT NULL,
  scratch text NOT NULL,
  kept text,
  kept_until timestamptz,
  safety_set text,
  media_root text,
  role text,
  request text NOT NULL DEFAULT '',
  message text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE sims_admin.restore_journal ADD COLUMN IF NOT EXISTS request text NOT NULL DEFAULT ''
"""
_COLUMNS = (
    "restore_id, guard, kind, database, set_id, state, scratch, kept, kept_until, safety_set,"
    " media_root, role, request, message, created_at, updated_at"
)


@dataclass(frozen=True)
class Entry:
    """``guard`` is the database whose lock protects the run."""

    restore_id: str
    guard: str
    kind: Kind
    database: str
    set_id: str
    state: RestoreState
    scratch: str
    kept: str | None
    kept_until: datetime | None
    safety_set: str | None
    media_root: str | None
    role: str | None
    request: str
    message: str
    created_at: datetime
    updated_at: datetime


class Journal:
    """Reads and writes through a connection to the maintenance database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def prepare(self) -> None:
        """Makes or extends the table once; needs CREATE on the maintenance database."""
        if not self._current():
            with effect("pg.journal", "create"), database_errors("making the restore journal"):
                self._connection.execute(_CREATE)

    def exists(self) -> bool:
        with database_errors("reading the restore journal"):
            row = self._connection.execute(
                "SELECT to_regclass('sims_admin.restore_journal') IS NOT NULL"
            ).fetchone()
        return bool(row and row[0])

    def _current(self) -> bool:
        with database_errors("reading the restore journal"):
            row = self._connection.execute(
                "SELECT EXISTS (SELECT FROM pg_attribute WHERE attname = 'request'"
                " AND attrelid = to_regclass('sims_admin.restore_journal'))"
            ).fetchone()
        return bool(row and row[0])

    def begin(self, entry: Entry) -> None:
        with effect("pg.journal", entry.state), database_errors("writing the restore journal"):
            self._connection.execute(
                "INSERT INTO sims_admin.restore_journal (restore_id, guard, kind, database, set_id,"
                " state, scratch, kept, kept_until, safety_set, media_root, role, request)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    entry.restore_id,
                    entry.guard,
                    entry.kind,
                    entry.database,
                    entry.set_id,
                    entry.state,
                    entry.scratch,
                    entry.kept,
                    entry.kept_until,
                    entry.safety_set,
                    entry.media_root,
                    entry.role,
                    entry.request,
                ),
            )

    def set(self, restore_id: str, **columns: object) -> None:
        """Updates columns by name; part of the caller's transaction when there is one."""
        parts = [sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns]
        query = sql.SQL(
            "UPDATE sims_admin.restore_journal SET {}, updated_at = now() WHERE restore_id = %s"
        ).format(sql.SQL(", ").join(parts))
        what = str(columns.get("state", "update"))
        with effect("pg.journal", what), database_errors("writing the restore journal"):
            self._connection.execute(query, [*columns.values(), restore_id])

    def entries(self, guard: str | None = None) -> list[Entry]:
        """Oldest first; of all databases without a name."""
        if not self.exists():
            return []
        self.prepare()
        query = f"SELECT {_COLUMNS} FROM sims_admin.restore_journal"  # noqa: S608  constants
        arguments: tuple[str, ...] = ()
        if guard is not None:
            query, arguments = f"{query} WHERE guard = %s", (guard,)
        with (
            database_errors("reading the restore journal"),
            self._connection.cursor(row_factory=class_row(Entry)) as cursor,
        ):
            ordered = f"{query} ORDER BY created_at, restore_id"
            return cursor.execute(ordered.encode(), arguments).fetchall()


def sets_in_use(server: Server) -> set[str]:
    """Sets that a restore is reading, or that an interrupted one may need again."""
    with server.connect(server.maintenance) as connection:
        entries = Journal(connection).entries(server.database)
    return {entry.set_id for entry in entries if entry.state in {"loading", "loaded", "swapped"}}
