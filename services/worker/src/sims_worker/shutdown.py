"""SIGTERM: the running job may reach its next safe point; then, or at once on a second one,
the process ends and leaves the job to another worker.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable

from sims_common.logs import get_logger

log = get_logger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
FORCED = 1  # exit code


class Shutdown:
    """Sets ``stopping`` on the first signal; forces the end on the second or after ``grace`` s.

    Signals are read by a thread from a wake-up socket: nothing of ours runs inside a signal
    handler, and a main thread that is stuck in a call cannot delay the end.
    """

    def __init__(
        self, stopping: threading.Event, *, grace: float, force: Callable[[], None]
    ) -> None:
        self._stopping = stopping
        self._grace = grace
        self._force = force
        self._reader, self._writer = socket.socketpair()
        self._writer.settimeout(0)

    def install(self) -> None:
        """Called in the main thread."""
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)  # the wake-up socket gets the number
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._watch, name="shutdown", daemon=True).start()

    def _watch(self) -> None:
        self._next_signal(None)
        log.info("stopping: no new job is taken", grace=self._grace)
        self._stopping.set()
        why = "a second signal" if self._next_signal(self._grace) else "the grace period is over"
        log.warning("stopping now", reason=why)
        try:
            self._force()
        except Exception:  # the lease then runs out by itself
            log.exception("the running job could not be given back")
        os._exit(FORCED)

    def _next_signal(self, timeout: float | None) -> bool:
        """Whether one of ours came in time; others (SIGALRM of RQ) are passed over."""
        self._reader.settimeout(timeout)
        while True:
            try:
                received = self._reader.recv(1)
            except TimeoutError:
                return False
            if received and received[0] in SIGNALS:
                return True
