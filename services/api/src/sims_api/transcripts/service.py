"""Asking for transcripts: a request row and its job, in one transaction."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.holds.gate import ensure_free
from sims_api.problems import not_found
from sims_api.transcripts.download import purpose_of
from sims_api.transcripts.schemas import BatchOut, Enqueue
from sims_api.transcripts.scope import REQUEST
from sims_api.transcripts.selection import Selection, by_ids
from sims_common.errors import Conflict, FieldError, PermissionDenied, ValidationFailed
from sims_common.logs import get_logger, request_id
from sims_common.metrics import TRANSCRIPTS
from sims_core import job_control
from sims_core.domain.holds import Held
from sims_core.domain.transcripts import ENDS, TranscriptState
from sims_core.job_control import Cancelled
from sims_core.jobs import BatchGenerateTranscripts, GenerateAndEmailTranscript
from sims_core.models import TranscriptBatch, TranscriptRequest
from sims_core.outbox import new_job

log = get_logger(__name__)

CHUNK = 25  # transcripts a job: long enough to drown its overhead, short enough to spread


async def enqueue(session: AsyncSession, actor: Actor, body: Enqueue) -> uuid.UUID:
    """Records a request; the worker hears of it when the transaction commits.

    Raises ``NotFound`` for a student out of scope, ``PermissionDenied`` when somebody who
    may only request the own one names another address, ``holds.Blocked``,
    ``ValidationFailed`` without an address or for an unknown purpose.
    """
    (student,) = await by_ids(session, actor, [body.student_id])
    address = _address(actor, student.email, body.email)
    await ensure_free(session, student.id, Held.TRANSCRIPTS)
    purpose_id = await _purpose(session, body.purpose)
    id_ = uuid.uuid4()
    job = new_job(GenerateAndEmailTranscript(request_id=id_), request_id=request_id())
    session.add(job)
    await session.flush()
    session.add(
        TranscriptRequest(
            id=id_,
            student_id=student.id,
            requested_by_id=actor.user_id,
            job_id=job.id,
            email=address,
            purpose_id=purpose_id,
        )
    )
    await session.flush()
    log.info("transcript requested", transcript_id=str(id_), job_id=str(job.id))
    return id_


def _address(actor: Actor, own: str | None, asked: str | None) -> str:
    address = asked or own
    if not address:
        text = "The student has no e-mail address; send one."
        raise ValidationFailed(
            text, code="EMAIL_MISSING", errors=[FieldError("/email", "EMAIL_MISSING", text)]
        )
    if not actor.can(REQUEST) and address.lower() != (own or "").lower():
        raise PermissionDenied(
            "Your transcript goes to the address on your record only.", code="EMAIL_NOT_ALLOWED"
        )
    return address


async def _purpose(session: AsyncSession, code: str | None) -> int:
    found = await session.run_sync(lambda sync: purpose_of(sync, code))
    return found.id


async def enqueue_batch(
    session: AsyncSession, actor: Actor, selection: Selection, purpose: str | None
) -> uuid.UUID:
    """Records a request for each student, each to the own address, in jobs of ``CHUNK``."""
    purpose_id = await _purpose(session, purpose)
    batch = TranscriptBatch(id=uuid.uuid4(), requested_by_id=actor.user_id)
    session.add(batch)
    await session.flush()
    students = selection.students
    for start in range(0, len(students), CHUNK):
        chunk = [(uuid.uuid4(), s) for s in students[start : start + CHUNK]]
        job = new_job(
            BatchGenerateTranscripts(request_ids=[id_ for id_, _ in chunk]),
            request_id=request_id(),
        )
        session.add(job)
        await session.flush()
        session.add_all(
            TranscriptRequest(
                id=id_,
                student_id=student.id,
                batch_id=batch.id,
                requested_by_id=actor.user_id,
                job_id=job.id,
                email=student.email,
                purpose_id=purpose_id,
            )
            for id_, student in chunk
        )
    await session.flush()
    log.info("transcript batch requested", batch_id=str(batch.id), students=len(students))
    return batch.id


async def cancel_batch(session: AsyncSession, batch_id: uuid.UUID) -> Cancelled:
    """Takes back what of the batch has not been begun. Raises ``NotFound``."""
    if await session.get(TranscriptBatch, batch_id) is None:
        raise not_found("transcript batch")
    return await _cancel(session, TranscriptRequest.batch_id == batch_id)


async def cancel_request(session: AsyncSession, id_: uuid.UUID) -> None:
    """Raises ``Conflict`` when the request has been begun."""
    if not (await _cancel(session, TranscriptRequest.id == id_)).cancelled:
        raise Conflict(
            "The transcript is being made, or the request has ended.", code="TOO_LATE_TO_CANCEL"
        )


async def _cancel(session: AsyncSession, which: ColumnElement[bool]) -> Cancelled:
    found = await session.run_sync(lambda sync: job_control.cancel(sync, which))
    TRANSCRIPTS.labels(TranscriptState.CANCELLED).inc(found.cancelled)
    log.info("transcripts cancelled", cancelled=found.cancelled, too_late=found.too_late)
    return found


async def batch_progress(session: AsyncSession, batch_id: uuid.UUID, actor: Actor) -> BatchOut:
    """The batch, counted from its requests. Raises ``NotFound`` when it is another's."""
    batch = await session.get(TranscriptBatch, batch_id)
    if batch is None or (not actor.can(REQUEST) and batch.requested_by_id != actor.user_id):
        raise not_found("transcript batch")
    rows = await session.execute(
        select(TranscriptRequest.state, func.count())
        .where(TranscriptRequest.batch_id == batch_id)
        .group_by(TranscriptRequest.state)
    )
    states = {TranscriptState(state): n for state, n in rows}
    return BatchOut(
        id=batch.id,
        created_at=batch.created_at,
        total=sum(states.values()),
        done=sum(n for state, n in states.items() if state in ENDS),
        states=states,
    )
