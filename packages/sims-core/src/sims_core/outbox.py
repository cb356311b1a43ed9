"""The life of a job in PostgreSQL.

    pending → dispatched → running → finished
       ↑__________|___________|    ↘ failed

Each transition is one statement that names the state it expects, so two dispatchers or
two workers cannot both make it. A run holds a lease that its worker extends; the lease is
the fencing token: a worker that lost it can no longer end the job.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, case, func, literal, select, update
from sqlalchemy.orm import Session

from sims_core.jobs import (
    DEFAULT_QUEUE,
    PAYLOAD,
    BatchGenerateTranscripts,
    GenerateAndEmailTranscript,
)
from sims_core.models import Outbox

CHANNEL = "sims_outbox"
"""LISTEN channel: a statement trigger notifies it when a transaction with new jobs commits."""

LEASE = timedelta(seconds=20)
"""How long a worker may be silent before another takes its job."""

LOST_AFTER = timedelta(seconds=10)
"""How long a dispatched job may be missing from the queue before it is put back."""

MAX_ATTEMPTS = 5
MAX_CRASHES = 3
"""A job that took its worker down this often is quarantined."""


@dataclass(frozen=True)
class Lease:
    """The right to run a job: ``token`` fences off anybody who held it before."""

    id: uuid.UUID
    token: uuid.UUID
    job: str
    payload: GenerateAndEmailTranscript | BatchGenerateTranscripts
    request_id: str
    attempts: int
    crashes: int


def new_job(
    payload: GenerateAndEmailTranscript | BatchGenerateTranscripts,
    *,
    request_id: str,
    queue: str = DEFAULT_QUEUE,
) -> Outbox:
    """A job to add to the session of the transaction that asks for it."""
    return Outbox(
        id=uuid.uuid4(),
        job=payload.job,
        queue=queue,
        payload=payload.model_dump(mode="json"),
        request_id=request_id,
    )


def due(session: Session, *, limit: int = 500) -> list[tuple[uuid.UUID, str, str]]:
    """Marks due jobs dispatched and returns (id, job, queue); put them before committing.

    Should the put fail, roll back: they are due again. Should the commit fail after a put,
    the queue holds ids of pending jobs, which a worker may claim all the same.
    """
    chosen = (
        select(Outbox.id)
        .where(Outbox.state == "pending", Outbox.available_at <= func.now())
        .order_by(Outbox.available_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    rows = session.execute(
        update(Outbox)
        .where(Outbox.id.in_(select(chosen.c.id)))
        .values(state="dispatched", dispatched_at=func.now())
        .returning(Outbox.id, Outbox.job, Outbox.queue)
    )
    return [(row.id, row.job, row.queue) for row in rows]


def claim(session: Session, id_: uuid.UUID, *, worker: str) -> Lease | None:
    """Takes the job, or None when it has ended or another worker holds it."""
    token = uuid.uuid4()
    row = session.execute(
        update(Outbox)
        .where(Outbox.id == id_, Outbox.state.in_(("pending", "dispatched")))
        .values(
            state="running",
            lease=token,
            leased_until=func.now() + LEASE,
            worker=worker,
            attempts=Outbox.attempts + 1,
        )
        .returning(Outbox.job, Outbox.payload, Outbox.request_id, Outbox.attempts, Outbox.crashes)
    ).one_or_none()
    if row is None:
        return None
    return Lease(
        id=id_,
        token=token,
        job=row.job,
        payload=PAYLOAD.validate_python(row.payload, strict=False),
        request_id=row.request_id,
        attempts=row.attempts,
        crashes=row.crashes,
    )


def extend(session: Session, lease: Lease) -> bool:
    """A sign of life; False when the job is no longer ours and must stop."""
    return _change(session, lease, leased_until=func.now() + LEASE)


def finish(session: Session, lease: Lease) -> bool:
    """Ends the job well; False when somebody else has it by now."""
    return _change(
        session,
        lease,
        state="finished",
        finished_at=func.now(),
        lease=None,
        leased_until=None,
        error=None,
    )


def fail(session: Session, lease: Lease, error: str) -> bool:
    """Ends the job for good; ``error`` says why."""
    return _change(
        session,
        lease,
        state="failed",
        finished_at=func.now(),
        lease=None,
        leased_until=None,
        error=error[:500],
    )


def retry_later(session: Session, lease: Lease, error: str, delay: timedelta) -> bool:
    """Puts the job back for another attempt after ``delay``."""
    return _change(
        session,
        lease,
        state="pending",
        available_at=func.now() + delay,
        lease=None,
        leased_until=None,
        error=error[:500],
    )


def _change(session: Session, held: Lease, /, **values: object) -> bool:
    found = session.execute(
        update(Outbox)
        .where(Outbox.id == held.id, Outbox.lease == held.token, Outbox.state == "running")
        .values(**values)
        .returning(Outbox.id)
    )
    return found.one_or_none() is not None


@dataclass(frozen=True)
class Recovered:
    """What a recovery pass put back, and what it gave up."""

    worker_lost: int
    queue_lost: int
    quarantined: list[uuid.UUID]


def recover(session: Session, waiting: dict[str, set[uuid.UUID]]) -> Recovered:
    """Puts back what a dead worker or a wiped queue lost.

    ``waiting`` maps each queue to the ids that wait in it now. A job that is put back
    although it was about to start is harmless: the claim admits one run.
    """
    expired = and_(Outbox.state == "running", Outbox.leased_until < func.now())
    poison = Outbox.crashes + 1 >= MAX_CRASHES
    rows = session.execute(
        update(Outbox)
        .where(expired)
        .values(
            crashes=Outbox.crashes + 1,
            state=case((poison, literal("failed")), else_=literal("pending")),
            finished_at=case((poison, func.now())),
            available_at=func.now(),
            lease=None,
            leased_until=None,
            error="the worker died while it ran this job",
        )
        .returning(Outbox.id, Outbox.state)
    ).all()
    lost = _lost_in_queue(session, waiting)
    if lost:
        session.execute(
            update(Outbox)
            .where(Outbox.id.in_(lost), Outbox.state == "dispatched")
            .values(state="pending", available_at=func.now())
        )
    quarantined = [row.id for row in rows if row.state == "failed"]
    return Recovered(len(rows) - len(quarantined), len(lost), quarantined)


def _lost_in_queue(session: Session, waiting: dict[str, set[uuid.UUID]]) -> list[uuid.UUID]:
    rows = session.execute(
        select(Outbox.id, Outbox.queue).where(
            Outbox.state == "dispatched", Outbox.dispatched_at < func.now() - LOST_AFTER
        )
    )
    return [row.id for row in rows if row.id not in waiting.get(row.queue, set())]


@dataclass(frozen=True)
class QueueState:
    """One queue as PostgreSQL knows it: jobs by state, age of the oldest that waits (s)."""

    jobs: dict[str, int]
    oldest_seconds: float


OPEN_STATES = ("pending", "dispatched", "running")


def queue_states(session: Session) -> dict[str, QueueState]:
    """State of each queue that has open or failed jobs."""
    age = func.extract("epoch", func.now() - func.min(Outbox.available_at))
    rows = session.execute(
        select(Outbox.queue, Outbox.state, func.count().label("n"), age.label("age"))
        .where(Outbox.state.in_((*OPEN_STATES, "failed")))
        .group_by(Outbox.queue, Outbox.state)
    )
    found: dict[str, QueueState] = {}
    for row in rows:
        state = found.get(row.queue, QueueState({}, 0.0))
        waits = row.state in ("pending", "dispatched")
        oldest = max(state.oldest_seconds, float(row.age)) if waits else state.oldest_seconds
        found[row.queue] = QueueState({**state.jobs, row.state: row.n}, max(oldest, 0.0))
    return found
