"""The database as the worker sees it: it may go away, and comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from sims_common.logs import get_logger

log = get_logger(__name__)

T = TypeVar("T")

FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0  # seconds


def is_transient(error: BaseException) -> bool:
    """Whether the database is away or overloaded, rather than the statement wrong."""
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


class Patient:
    """Short transactions that wait for the database until the worker has to stop.

    What a job has reached is worth waiting for: a mail that was taken by the relay and not
    recorded would go out twice.
    """

    def __init__(
        self, engine: Engine, *, stopping: threading.Event, beat: Callable[[], None]
    ) -> None:
        self.engine = engine
        self._stopping = stopping
        self._beat = beat

    def run(self, work: Callable[[Session], T]) -> T:
        """Result of ``work`` in a committed transaction of its own.

        ``work`` must bear a repetition: a commit may have happened although its answer was
        lost. Raises the database's error once the worker is stopping.
        """
        wait = FIRST_WAIT
        while True:
            self._beat()
            try:
                with Session(self.engine, expire_on_commit=False) as session, session.begin():
                    return work(session)
            except (DBAPIError, PoolTimeout) as error:
                if not is_transient(error) or self._stopping.is_set():
                    raise
                log.warning("database away; waiting", retry_in=wait, error=type(error).__name__)
            self._stopping.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)
