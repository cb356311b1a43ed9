"""The run of a job: claimed, kept alive, ended once.

A run holds a lease that its worker extends. The lease is the fencing token: a worker that
lost it, because it was silent for too long, can no longer end the job or send its mail.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, case, func, literal, or_, select, update
from sqlalchemy.orm import Session

from sims_core.jobs import PAYLOAD, BatchGenerateTranscripts, GenerateAndEmailTranscript
from sims_core.models import Outbox

LEASE = timedelta(seconds=20)
"""How long a worker may be silent before another takes its job."""

MAX_ATTEMPTS = 5
MAX_CRASHES = 3
"""A job that took its worker down this often is quarantined."""

CRASHED = "the worker died while it ran this job"
QUARANTINED = f"quarantined: {MAX_CRASHES} workers died while they ran this job"


@dataclass(frozen=True)
class Lease:
    """The right to run a job: ``token`` fences off anybody who held it before.

    ``attempts`` counts this run too; ``crashes`` are the runs that took their worker down.
    """

    id: uuid.UUID
    token: uuid.UUID
    job: str
    stored: Mapping[str, Any]
    request_id: str
    attempts: int
    crashes: int

    def payload(self) -> GenerateAndEmailTranscript | BatchGenerateTranscripts:
        """Raises ``pydantic.ValidationError`` when another version of SIMS wrote it."""
        return PAYLOAD.validate_python(self.stored, strict=False)


def claim(session: Session, id_: uuid.UUID, *, worker: str) -> Lease | None:
    """Takes the job, or None when it has ended, is not yet due or another worker holds it.

    The queue may hold an id twice, or one that waits for its next attempt: the condition
    here admits one run at a time, and none before its time.
    """
    token = uuid.uuid4()
    due_now = and_(Outbox.state == "pending", Outbox.available_at <= func.now())
    row = session.execute(
        update(Outbox)
        .where(Outbox.id == id_, or_(Outbox.state == "dispatched", due_now))
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
        stored=row.payload,
        request_id=row.request_id,
        attempts=row.attempts,
        crashes=row.crashes,
    )


def holds(session: Session, lease: Lease) -> bool:
    """Whether the job is still ours; if so it stays so until this transaction ends."""
    found = session.execute(
        select(Outbox.id)
        .where(Outbox.id == lease.id, Outbox.lease == lease.token, Outbox.state == "running")
        .with_for_update(read=True)
    )
    return found.one_or_none() is not None


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


def progressed(session: Session, lease: Lease) -> None:
    """Something was done: runs that fail or crash are counted anew from here.

    Else a long chunk would be given up after as many troubles as a single mail.
    """
    session.execute(
        update(Outbox)
        .where(Outbox.id == lease.id, Outbox.lease == lease.token, Outbox.attempts > 1)
        .values(crashes=0, attempts=1)
    )


def fruitless(session: Session, lease: Lease) -> int:
    """Runs since something was last done that did not crash, this one included."""
    return session.scalars(
        select(Outbox.attempts - Outbox.crashes).where(Outbox.id == lease.id)
    ).one()


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


def release(session: Session, lease: Lease) -> bool:
    """Gives the job back untouched, to be run at once by whoever takes it."""
    return _change(
        session,
        lease,
        state="pending",
        available_at=func.now(),
        attempts=Outbox.attempts - 1,
        lease=None,
        leased_until=None,
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
    """Jobs of dead workers: how many go on, and which were quarantined."""

    resumed: int
    quarantined: list[uuid.UUID]


def recover(session: Session) -> Recovered:
    """Takes the jobs whose lease ran out from their workers.

    A job that has taken ``MAX_CRASHES`` workers down ends as failed; the others are due again.
    """
    poison = Outbox.crashes + 1 >= MAX_CRASHES
    rows = session.execute(
        update(Outbox)
        .where(Outbox.state == "running", Outbox.leased_until < func.now())
        .values(
            crashes=Outbox.crashes + 1,
            state=case((poison, literal("failed")), else_=literal("pending")),
            finished_at=case((poison, func.now())),
            available_at=func.now(),
            lease=None,
            leased_until=None,
            error=case((poison, literal(QUARANTINED)), else_=literal(CRASHED)),
        )
        .returning(Outbox.id, Outbox.state)
    ).all()
    quarantined = [row.id for row in rows if row.state == "failed"]
    return Recovered(len(rows) - len(quarantined), quarantined)
