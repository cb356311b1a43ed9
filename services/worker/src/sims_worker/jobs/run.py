"""A run of a job, as its handler sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sims_core.leases import Lease
from sims_worker.database import Patient

SLICE = 60.0
"""Seconds after which a chunk gives its rest back: no job starves others, and with one mail
at its slowest on top it stays below ``sims_core.jobs.JOB_TIMEOUT``."""


@dataclass(frozen=True)
class Run:
    """The lease, the database, and whether to go on."""

    lease: Lease
    patient: Patient
    stopping: threading.Event
    beat: Callable[[], None]
    began: float = field(default_factory=time.monotonic)

    def should_pause(self) -> bool:
        """Whether to put the job down here, between two pieces of work."""
        self.beat()
        return self.stopping.is_set() or time.monotonic() - self.began > SLICE
