"""Signs of life of the worker's loops, read by its health report."""

from __future__ import annotations

import time


class Heartbeat:
    """When a loop last went round. One thread beats, others read."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def beat(self) -> None:
        self._last = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._last
