"""Waits for new jobs: PostgreSQL's NOTIFY wakes us, a time-out makes it polling."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, cast

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from sims_common.logs import get_logger
from sims_core.outbox import CHANNEL

if TYPE_CHECKING:
    from typing import Any

log = get_logger(__name__)

RECONNECT = 5.0  # seconds between attempts to listen again


class Listener:
    """LISTEN on a connection of its own; without one, ``wait`` just waits.

    A pooler in transaction mode swallows LISTEN: jobs are then found by polling.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._next_attempt = 0.0

    def wait(self, seconds: float, *, stopping: threading.Event) -> None:
        """Returns when jobs were announced, else after ``seconds``."""
        if self._connection is None and not self._connect():
            stopping.wait(seconds)
            return
        try:
            list(self._driver().notifies(timeout=seconds, stop_after=1))
        except (psycopg.Error, SQLAlchemyError) as error:
            log.warning("no longer listening; polling", error=type(error).__name__)
            self.close()
            stopping.wait(seconds)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
        self._connection = None

    def _connect(self) -> bool:
        if time.monotonic() < self._next_attempt:
            return False
        self._next_attempt = time.monotonic() + RECONNECT
        try:
            self._connection = self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            )
            self._connection.execute(text(f"LISTEN {CHANNEL}"))
        except SQLAlchemyError as error:
            log.warning("cannot listen; polling", error=type(error).__name__)
            self.close()
            return False
        log.info("listening for jobs", channel=CHANNEL)
        return True

    def _driver(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            raise psycopg.OperationalError("not connected")
        return cast("psycopg.Connection[Any]", self._connection.connection.driver_connection)
