"""Runs one job: claims it, keeps its lease, and records how it ended.

The outcome is decided by the type of what the handler raises (``sims_worker.errors``); an
exception that nobody foresaw is logged with its traceback and tried again, never passed off
as success.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError
from rq.timeouts import JobTimeoutException
from sqlalchemy.orm import Session

from sims_common import metrics
from sims_common.errors import SimsError
from sims_common.logs import bound_contextvars, get_logger
from sims_core import leases
from sims_core.jobs import JOB_TIMEOUT, BatchGenerateTranscripts, GenerateAndEmailTranscript
from sims_core.leases import MAX_ATTEMPTS, Lease
from sims_worker.database import Patient, is_transient
from sims_worker.errors import GivenBack, JobError, LeaseLost, TemporaryFailure, Unexpected
from sims_worker.jobs.run import Run
from sims_worker.pulse import Pulse
from sims_worker.transcripts import ledger

log = get_logger(__name__)

Handler = Callable[[Run, GenerateAndEmailTranscript | BatchGenerateTranscripts], None]

GROWTH = 5  # each wait is so many times the one before
LONGEST_WAIT = 3600.0  # seconds
LEASE_GRACE = 30.0  # seconds past JOB_TIMEOUT for which a job is still kept alive


class JobFailed(Exception):
    """Tells RQ that a job has failed for good; PostgreSQL knows why."""


def delay(attempt: int, base: float, *, jitter: float) -> timedelta:
    """How long to wait after the ``attempt``-th run; ``jitter`` in 0–1 spreads it by ±25 %."""
    wait = min(base * GROWTH ** (attempt - 1), LONGEST_WAIT)
    return timedelta(seconds=wait * (0.75 + 0.5 * jitter))


@dataclass
class JobRunner:
    """Runs jobs one after the other in the main thread."""

    patient: Patient
    pulse: Pulse
    handler: Handler
    stopping: threading.Event
    beat: Callable[[], None]
    worker: str
    retry_base: float
    current: Lease | None = None

    def run(self, id_: uuid.UUID) -> None:
        """Runs the job unless it has ended, is not due, or another worker has it.

        Raises ``JobFailed`` when it failed for good, and the database's error when that went
        away while the worker is stopping.
        """
        claimed = self.patient.run(lambda session: leases.claim(session, id_, worker=self.worker))
        if claimed is None:
            log.info("job not taken: ended, not due, or run by another worker", job_id=str(id_))
            return
        labels = {"request_id": claimed.request_id, "job": claimed.job, "job_id": str(id_)}
        with bound_contextvars(**labels), self._kept(claimed):
            with metrics.JOB_DURATION.labels(claimed.job).time():
                problem = self._problem(claimed)
            self._conclude(claimed, problem)

    def give_back(self) -> None:
        """Puts the running job back at once, for a worker that ends in the midst of it."""
        lease = self.current
        if lease is not None:
            with Session(self.patient.engine) as session, session.begin():
                leases.release(session, lease)
            log.warning("job given back", job_id=str(lease.id))

    @contextmanager
    def _kept(self, lease: Lease) -> Iterator[None]:
        """Extends the lease from the pulse thread, for as long as a job may last."""
        until = time.monotonic() + JOB_TIMEOUT + LEASE_GRACE

        def extend() -> None:
            if time.monotonic() > until:
                return
            with Session(self.patient.engine) as session, session.begin():
                if not leases.extend(session, lease):
                    log.warning("lease lost", job_id=str(lease.id))

        self.current = lease
        try:
            with self.pulse.during(extend):
                yield
        finally:
            self.current = None

    def _problem(self, lease: Lease) -> SimsError | None:
        """Runs the handler; what it came to, None when all went well."""
        try:
            self.handler(Run(lease, self.patient, self.stopping, self.beat), lease.payload())
        except SimsError as error:
            return error
        except JobTimeoutException:
            return TemporaryFailure(f"It took longer than {JOB_TIMEOUT} s.", code="JOB_TIMEOUT")
        except ValidationError:
            log.exception("payload not understood; was it written by another version?")
            return TemporaryFailure(code="PAYLOAD_NOT_UNDERSTOOD")
        except Exception as error:  # whatever it is, the job must not be lost
            if is_transient(error):
                return TemporaryFailure(code="DATABASE_UNAVAILABLE")
            log.exception("job failed unexpectedly")
            return Unexpected()
        return None

    def _conclude(self, lease: Lease, problem: SimsError | None) -> None:
        match problem:
            case None:
                self._record(lease, "finished", lambda session: leases.finish(session, lease))
            case GivenBack():
                self._record(lease, "given_back", lambda session: leases.release(session, lease))
            case LeaseLost():
                self._count(lease, "lost")
            case TemporaryFailure():
                attempt = self.patient.run(lambda session: leases.fruitless(session, lease))
                if attempt < MAX_ATTEMPTS:
                    self._later(lease, problem, attempt)
                else:
                    self._fail(lease, problem)
            case _:
                self._fail(lease, problem)

    def _later(self, lease: Lease, problem: TemporaryFailure, attempt: int) -> None:
        wait = delay(attempt, self.retry_base, jitter=random.random())  # noqa: S311 (no secret)
        log.warning(
            "job will be tried again",
            attempt=attempt,
            of=MAX_ATTEMPTS,
            retry_in=round(wait.total_seconds(), 1),
            **problem.log_fields(),
        )
        text = _brief(problem)
        self._record(
            lease, "retried", lambda session: leases.retry_later(session, lease, text, wait)
        )

    def _fail(self, lease: Lease, problem: SimsError) -> None:
        reason = problem.for_requester() if isinstance(problem, JobError) else problem.title
        log.error("job failed", **(problem.log_fields() if isinstance(problem, JobError) else {}))

        def fail(session: Session) -> Counter[str] | None:
            if not leases.fail(session, lease, _brief(problem)):
                return None
            return ledger.give_up(session, [lease.id], reason)

        ends = self.patient.run(fail)
        if ends is None:
            self._count(lease, "lost")
            return
        ledger.count_ends(ends)
        self._count(lease, "failed")
        raise JobFailed(f"Job {lease.id} failed; `sims rqstats` and the log tell why.")

    def _record(self, lease: Lease, result: str, change: Callable[[Session], bool]) -> None:
        self._count(lease, result if self.patient.run(change) else "lost")

    def _count(self, lease: Lease, result: str) -> None:
        metrics.JOBS.labels(lease.job, result).inc()
        log.info("job ended", result=result, attempt=lease.attempts)


def _brief(problem: SimsError) -> str:
    """What the outbox says of it: codes, no texts, which might name a person."""
    fields = problem.log_fields() if isinstance(problem, JobError) else {}
    found = [f"{key}={value}" for key, value in fields.items() if key != "code" and value]
    return " ".join([problem.error_code, *found])
