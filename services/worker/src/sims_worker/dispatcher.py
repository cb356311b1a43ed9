"""Moves due jobs from PostgreSQL into the queue, and puts back what was lost on the way.

Any number of workers do this at once: rows are taken with SKIP LOCKED, and each transition
names the state that it expects.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from sims_common import metrics
from sims_common.logs import get_logger
from sims_core import leases, outbox
from sims_core.jobs import JobQueue
from sims_worker.heartbeat import Heartbeat
from sims_worker.listener import Listener
from sims_worker.transcripts import ledger

log = get_logger(__name__)

POLL = 2.0  # seconds at most until a due job is seen
RECOVERY = 5.0  # seconds between looks for lost jobs
BATCH = 500
LONGEST_WAIT = 15.0  # seconds between attempts while a server is away


@dataclass
class Dispatcher:
    """One thread; ``heartbeat`` tells that it goes round."""

    engine: Engine
    queue: JobQueue
    listener: Listener
    heartbeat: Heartbeat
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self.run, name="dispatcher", daemon=True)
        self._recovery_due = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join(timeout=2 * POLL)

    def run(self) -> None:
        """Goes round until told to stop, whatever is away meanwhile."""
        wait = POLL
        while not self.stopping.is_set():
            self.heartbeat.beat()
            try:
                self.round()
                wait = POLL
                self.listener.wait(POLL, stopping=self.stopping)
            except (SQLAlchemyError, RedisError) as error:
                log.warning("jobs are not moved", error=type(error).__name__, retry_in=wait)
                self.stopping.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT)
            except Exception:  # the thread must outlive any fault
                log.exception("dispatcher failed; going on", retry_in=wait)
                self.stopping.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT)
        self.listener.close()

    def round(self) -> None:
        """Recovers what was lost if that is due, then moves what is due."""
        if time.monotonic() >= self._recovery_due:
            self.recover()
            self._recovery_due = time.monotonic() + RECOVERY
        while self.dispatch() == BATCH:
            self.heartbeat.beat()

    def dispatch(self) -> int:
        """Moves up to ``BATCH`` due jobs while the queue has room; returns how many.

        Marked, put, committed, in this order: a crash in between leaves ids in the queue of
        jobs that are still pending, which is harmless, and never the reverse.
        """
        with Session(self.engine) as session, session.begin():
            due = outbox.due(session, queue=self.queue.name, limit=min(BATCH, self.queue.room()))
            self.queue.put(due)
        if due:
            log.info("jobs moved to the queue", jobs=len(due))
        return len(due)

    def recover(self) -> None:
        """Puts back jobs of dead workers and of a wiped queue; ends what kills workers."""
        ends: Counter[str] = Counter()
        with Session(self.engine) as session, session.begin():
            found = leases.recover(session)
            if found.quarantined:
                ends = ledger.give_up(session, found.quarantined, leases.QUARANTINED)
        ledger.count_ends(ends)
        self._tell(found)
        with Session(self.engine) as session:
            overdue = outbox.overdue(session, queue=self.queue.name)
        if not overdue:
            return
        lost = overdue - self.queue.waiting()
        with Session(self.engine) as session, session.begin():
            count = outbox.put_back(session, lost) if lost else 0
        if count:
            metrics.JOBS_RECOVERED.labels("queue_lost").inc(count)
            log.warning("the queue lost jobs; put back", jobs=count)

    def _tell(self, found: leases.Recovered) -> None:
        if found.resumed:
            metrics.JOBS_RECOVERED.labels("worker_lost").inc(found.resumed)
            log.warning("workers died; their jobs go on", jobs=found.resumed)
        for job_id in found.quarantined:
            metrics.JOBS_RECOVERED.labels("quarantined").inc()
            log.error("job quarantined: it keeps killing workers", job_id=str(job_id))
