"""The way of a job from PostgreSQL into the queue, and back when the queue lost it.

    pending → dispatched → running → finished
       ↑__________|___________|    ↘ failed

Each transition is one statement that names the state it expects, so two dispatchers or
two workers cannot both make it. Runs are in ``sims_core.leases``; ADR 0003 says why.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ARRAY, ColumnElement, Uuid, and_, any_, func, literal, select, update
from sqlalchemy.orm import Session

from sims_core.jobs import DEFAULT_QUEUE, BatchGenerateTranscripts, GenerateAndEmailTranscript
from sims_core.models import Outbox

CHANNEL = "sims_outbox"
"""LISTEN channel: a statement trigger notifies it when a transaction with new jobs commits."""

LOST_AFTER = timedelta(seconds=10)
"""How long a dispatched job may be missing from the queue before it is put back."""


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


def due(
    session: Session, *, queue: str = DEFAULT_QUEUE, limit: int = 500
) -> list[tuple[uuid.UUID, str]]:
    """Marks due jobs dispatched and returns (id, job); put them before committing.

    Should the put fail, roll back: they are due again. Should the commit fail after a put,
    the queue holds ids of pending jobs, which a worker may claim all the same.
    """
    chosen = (
        select(Outbox.id)
        .where(Outbox.state == "pending", Outbox.queue == queue, Outbox.available_at <= func.now())
        .order_by(Outbox.available_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    rows = session.execute(
        update(Outbox)
        .where(Outbox.id.in_(select(chosen.c.id)))
        .values(state="dispatched", dispatched_at=func.now())
        .returning(Outbox.id, Outbox.job, Outbox.available_at)
    )
    return [(row.id, row.job) for row in sorted(rows, key=lambda row: row.available_at)]


def overdue(session: Session, *, queue: str = DEFAULT_QUEUE) -> set[uuid.UUID]:
    """Jobs dispatched a while ago that nobody has started: waiting in the queue, or lost."""
    return set(session.scalars(select(Outbox.id).where(Outbox.queue == queue, _overdue())))


def put_back(session: Session, lost: Collection[uuid.UUID]) -> int:
    """Makes jobs that the queue lost due again; returns how many.

    One that was about to start is put back too; harmless, since the claim admits one run.
    """
    ids = literal(list(lost), ARRAY(Uuid))  # one parameter, however many jobs
    rows = session.execute(
        update(Outbox)
        .where(Outbox.id == any_(ids), _overdue())
        .values(state="pending")
        .returning(Outbox.id)
    )
    return len(rows.all())


def _overdue() -> ColumnElement[bool]:
    return and_(Outbox.state == "dispatched", Outbox.dispatched_at < func.now() - LOST_AFTER)


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
