"""The thread that gives signs of life while the main thread runs a job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from sims_common.logs import get_logger

log = get_logger(__name__)

PERIOD = 5.0  # seconds; a quarter of the lease


class Pulse:
    """Calls what is registered every ``PERIOD`` seconds; a failure is logged and tried again."""

    def __init__(self, period: float = PERIOD) -> None:
        self._period = period
        self._signs: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=2 * self._period)

    @contextmanager
    def during(self, sign: Callable[[], None]) -> Iterator[None]:
        """Calls ``sign`` regularly until the block ends; not once more after that."""
        with self._lock:
            self._signs.append(sign)
        try:
            yield
        finally:
            with self._lock:
                self._signs.remove(sign)

    def _run(self) -> None:
        while not self._stopped.wait(self._period):
            with self._lock:
                for sign in self._signs:
                    _give(sign)


def _give(sign: Callable[[], None]) -> None:
    try:
        sign()
    except (SQLAlchemyError, RedisError) as error:
        log.warning("sign of life not given", error=type(error).__name__)
    except Exception:  # the thread must outlive any fault of a sign
        log.exception("sign of life failed")
