"""What ``sims jobs`` reads and changes in PostgreSQL, the truth about jobs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from sims_cli.database import connected
from sims_cli.exit_codes import Exit
from sims_cli.failures import refuse
from sims_core import job_control
from sims_core.domain.transcripts import UNSENT
from sims_core.models import Outbox, TranscriptRequest

STATES = ("pending", "dispatched", "running", "finished", "failed", "cancelled")

_FIELDS = (
    "id", "job", "queue", "state", "attempts", "crashes", "error", "worker", "request_id",
    "created_at", "available_at", "finished_at",
)  # fmt: skip


@contextmanager
def _transaction() -> Iterator[Session]:
    with connected("sims jobs") as engine, Session(engine) as session, session.begin():
        yield session


def listed(state: str, limit: int) -> list[dict[str, Any]]:
    """Jobs in ``state`` (``all``: any), the newest first; ``unsent`` counts their requests."""
    if state not in (*STATES, "all"):
        refuse(f"{state!r} is no state. Use one of {', '.join(STATES)} or all.", Exit.USAGE)
    unsent = (
        select(func.count())
        .where(TranscriptRequest.job_id == Outbox.id, TranscriptRequest.state.in_(UNSENT))
        .scalar_subquery()
    )
    statement = select(Outbox, unsent).order_by(Outbox.created_at.desc()).limit(limit)
    if state != "all":
        statement = statement.where(Outbox.state == state)
    with _transaction() as session:
        return [_fields(job) | {"unsent": number} for job, number in session.execute(statement)]


def shown(prefix: str) -> dict[str, Any]:
    """One job with its requests."""
    with _transaction() as session:
        job = session.get_one(Outbox, _id(session, prefix))
        requests = session.scalars(
            select(TranscriptRequest)
            .where(TranscriptRequest.job_id == job.id)
            .order_by(TranscriptRequest.created_at, TranscriptRequest.id)
        )
        names = ("id", "state", "possible_duplicate", "error")
        return _fields(job) | {
            "requests": [{name: getattr(r, name) for name in names} for r in requests]
        }


def requeued(prefix: str) -> dict[str, Any]:
    """Raises ``Conflict`` for a job that has not ended or has nothing left to do."""
    with _transaction() as session:
        id_ = _id(session, prefix)
        return {"id": id_, "requests": job_control.requeue(session, id_)}


def cancelled(prefix: str) -> dict[str, Any]:
    """Raises ``Conflict`` for a job that has ended."""
    with _transaction() as session:
        id_ = _id(session, prefix)
        found = job_control.cancel_job(session, id_)
        return {"id": id_, "cancelled": found.cancelled, "too_late": found.too_late}


def _id(session: Session, prefix: str) -> uuid.UUID:
    """The one job whose id starts so."""
    found = session.scalars(
        select(Outbox.id)
        .where(cast(Outbox.id, String).startswith(prefix.lower(), autoescape=True))
        .limit(2)
    ).all()
    if len(found) != 1:
        number = "Several jobs have" if found else "No job has"
        refuse(f"{number} an id that starts with {prefix}. See `sims jobs list --state all`.")
    return found[0]


def _fields(job: Outbox) -> dict[str, Any]:
    return {name: getattr(job, name) for name in _FIELDS}
