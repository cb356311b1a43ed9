"""One consistent view for several connections.

Tables are locked *before* the snapshot is taken. pg_dump locks after it, so a TRUNCATE or
a rewriting ALTER TABLE in between shows it an empty table; here it can't come in between.
"""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Any, Self

from psycopg import sql
from psycopg.errors import LockNotAvailable, UndefinedTable

from sims_backup.errors import Busy
from sims_backup.postgres.catalog import Table, table_names, tables
from sims_backup.postgres.server import Connection, Server, database_errors
from sims_backup.steps import effect
from sims_common.clock import now

_BATCH = 200
SESSION = (
    "SET idle_in_transaction_session_timeout = 0",
    "SET row_security = off",
    "SET synchronize_seqscans = off",
    "SET search_path = pg_catalog",
)


class Snapshot:
    """Holds the exporting transaction; ``name`` is for ``SET TRANSACTION SNAPSHOT``."""

    def __init__(self, server: Server) -> None:
        self.connection: Connection = server.connect()
        try:
            with database_errors("taking the snapshot"):
                self._begin()
        except BaseException:
            self.connection.close()
            raise

    def _begin(self) -> None:
        for statement in SESSION:
            self.connection.execute(statement)
        wanted = table_names(self.connection)
        self.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        with effect("pg.snapshot", "export"):
            self._lock(wanted)
            row = self.connection.execute("SELECT pg_export_snapshot()").fetchone()
        self.at: datetime = now()
        self.name = str(row[0]) if row else ""
        self.tables: list[Table] = tables(self.connection)

    def _lock(self, wanted: list[tuple[str, str]]) -> None:
        for start in range(0, len(wanted), _BATCH):
            names: list[Any] = [sql.Identifier(*name) for name in wanted[start : start + _BATCH]]
            query = sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE").format(
                sql.SQL(", ONLY ").join(names)
            )
            try:
                self.connection.execute(query)
            except LockNotAvailable:
                raise Busy(
                    "a table stayed locked by another session (a migration?); "
                    "try later or raise SIMS_BACKUP_LOCK_TIMEOUT"
                ) from None
            except UndefinedTable:
                raise Busy("a table was dropped while the backup began; run it again") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()
