"""The run's lock: an advisory lock on the server, gone with the process that held it."""

from __future__ import annotations

import time
import zlib
from types import TracebackType
from typing import Self

from sims_backup.errors import Busy, DatabaseUnavailable
from sims_backup.postgres.server import Connection, Server, database_errors
from sims_backup.steps import effect

_CLASS = 0x53494D53  # "SIMS"


class RunLock:
    """One backup, prune, sync, restore or undo of a database at a time.

    Waits up to ``timeout`` seconds, then raises ``Busy``.
    """

    def __init__(self, server: Server, timeout: float) -> None:
        self._key = zlib.crc32(server.database.encode()) - 2**31
        self._connection = server.connect(server.maintenance)
        try:
            self._acquire(server.database, timeout)
        except BaseException:
            self._connection.close()
            raise

    @property
    def connection(self) -> Connection:
        return self._connection

    def _acquire(self, database: str, timeout: float) -> None:
        end = time.monotonic() + timeout
        while not self._try():
            if time.monotonic() >= end:
                raise Busy(
                    f"another run works on {database} ({self._holder()}); wait for it or raise "
                    "SIMS_BACKUP_LOCK_TIMEOUT"
                )
            time.sleep(0.2)

    def _try(self) -> bool:
        with effect("pg.lock", "advisory"), database_errors("lock"):
            row = self._connection.execute(
                "SELECT pg_try_advisory_lock(%s, %s)", (_CLASS, self._key)
            ).fetchone()
        return bool(row and row[0])

    def _holder(self) -> str:
        row = self._connection.execute(
            "SELECT a.pid, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE l.locktype = 'advisory' AND l.classid = %s AND l.objid = %s AND l.granted",
            (_CLASS, self._key % 2**32),
        ).fetchone()
        return f"server process {row[0]} since {row[1]:%H:%M:%S}" if row else "just ended"

    def check(self) -> None:
        """Raises when the connection, and with it the lock, is gone."""
        try:
            self._connection.execute("SELECT 1")
        except Exception as error:
            raise DatabaseUnavailable(
                "the connection that holds the lock broke; another run may have begun, "
                "so this one stops before it publishes"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
