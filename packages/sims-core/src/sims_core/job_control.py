"""What people do about jobs: put an ended one back, or take a waiting one out.

The functions take a sync session; the API calls them by ``AsyncSession.run_sync``. A job that
runs is nobody's to change: its worker holds it, and gives it back when it dies.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from sims_common.errors import Conflict, NotFound
from sims_core.domain.transcripts import ENDS, UNSENT, TranscriptState
from sims_core.jobs import GenerateAndEmailTranscript
from sims_core.models import Outbox, TranscriptRequest
from sims_core.outbox import CHANNEL, OPEN_STATES, new_job

WAITING = ("pending", "dispatched")


@dataclass(frozen=True)
class Cancelled:
    """How many requests were taken back, and how many had gone too far for it."""

    cancelled: int
    too_late: int


def requeue(session: Session, job_id: uuid.UUID) -> int:
    """Puts an ended job back with its unsent requests; returns how many those are.

    Raises ``NotFound``, ``Conflict`` (``JOB_NOT_ENDED``, ``NOTHING_TO_REQUEUE``).
    """
    job = _locked(session, job_id)
    if job.state in OPEN_STATES:
        raise Conflict(
            f"The job is {job.state}; only an ended job can be put back.", code="JOB_NOT_ENDED"
        )
    states = (*UNSENT, TranscriptState.CANCELLED) if job.state == "cancelled" else UNSENT
    reopened = _reopen(
        session, TranscriptRequest.job_id == job_id, TranscriptRequest.state.in_(states)
    )
    if not reopened:
        raise Conflict("Everything that the job was to do is done.", code="NOTHING_TO_REQUEUE")
    job.state, job.attempts, job.crashes = "pending", 0, 0
    job.available_at, job.finished_at, job.error = func.now(), None, None
    session.flush()
    _wake(session)
    return reopened


def requeue_request(session: Session, request_id: uuid.UUID, *, api_request_id: str) -> uuid.UUID:
    """Puts one unsent request back, under a job of its own; returns the job's id.

    Raises ``NotFound``, ``Conflict`` (``REQUEST_NOT_UNSENT``).
    """
    request = session.get(TranscriptRequest, request_id, with_for_update=True)
    if request is None:
        raise NotFound("There is no such transcript request.")
    if request.state not in (*UNSENT, TranscriptState.CANCELLED):
        raise Conflict(
            f"The request is {request.state}; one that is refused, failed, unknown or cancelled"
            " can be put back.",
            code="REQUEST_NOT_UNSENT",
        )
    job = new_job(GenerateAndEmailTranscript(request_id=request_id), request_id=api_request_id)
    session.add(job)
    session.flush()
    _reopen(session, TranscriptRequest.id == request_id)
    request.job_id = job.id
    session.flush()
    return job.id


def cancel_job(session: Session, job_id: uuid.UUID) -> Cancelled:
    """Takes back what a job has not begun. Raises ``NotFound``, ``Conflict`` (``JOB_ENDED``)."""
    job = _locked(session, job_id)
    if job.state not in OPEN_STATES:
        raise Conflict(f"The job is {job.state} already.", code="JOB_ENDED")
    return cancel(session, TranscriptRequest.job_id == job_id)


def cancel(session: Session, which: ColumnElement[bool]) -> Cancelled:
    """Takes back those of the requests that are still ``recorded``, and jobs left with none."""
    taken = session.scalars(
        update(TranscriptRequest)
        .where(which, TranscriptRequest.state == TranscriptState.RECORDED)
        .values(state=TranscriptState.CANCELLED)
        .returning(TranscriptRequest.job_id)
        .execution_options(synchronize_session=False)
    ).all()
    left = exists().where(
        TranscriptRequest.job_id == Outbox.id, TranscriptRequest.state.not_in(ENDS)
    )
    session.execute(
        update(Outbox)
        .where(Outbox.id.in_(set(taken)), Outbox.state.in_(WAITING), ~left)
        .values(state="cancelled", finished_at=func.now())
        .execution_options(synchronize_session=False)
    )
    late = session.scalar(
        select(func.count())
        .select_from(TranscriptRequest)
        .where(which, TranscriptRequest.state != TranscriptState.CANCELLED)
    )
    return Cancelled(len(taken), late or 0)


def _reopen(session: Session, *which: ColumnElement[bool]) -> int:
    """What may have been delivered stays marked so: its next mail may be a second one."""
    undecided = TranscriptRequest.state == TranscriptState.UNKNOWN
    rows = session.execute(
        update(TranscriptRequest)
        .where(*which)
        .values(
            state=TranscriptState.RECORDED,
            possible_duplicate=TranscriptRequest.possible_duplicate | undecided,
            error=None,
        )
        .returning(TranscriptRequest.id)
        .execution_options(synchronize_session=False)
    )
    return len(rows.all())


def _locked(session: Session, job_id: uuid.UUID) -> Outbox:
    job = session.get(Outbox, job_id, with_for_update=True)
    if job is None:
        raise NotFound("There is no such job.")
    return job


def _wake(session: Session) -> None:
    """The trigger tells dispatchers of new rows only."""
    session.execute(select(func.pg_notify(CHANNEL, "")))
