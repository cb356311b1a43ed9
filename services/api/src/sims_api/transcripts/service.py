"""Asking for transcripts: a request row and its job, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.problems import not_found
from sims_api.students.scope import students_of
from sims_api.transcripts.schemas import BatchOut
from sims_api.transcripts.scope import REQUEST
from sims_common.clock import today
from sims_common.errors import FieldError, PermissionDenied, ValidationFailed
from sims_common.logs import get_logger, request_id
from sims_common.settings import InstitutionSettings
from sims_core import transcript_data
from sims_core.domain.transcripts import ENDS, TranscriptState
from sims_core.jobs import BatchGenerateTranscripts, GenerateAndEmailTranscript
from sims_core.models import Student, TranscriptBatch, TranscriptRequest
from sims_core.outbox import new_job
from sims_transcripts import TranscriptData

log = get_logger(__name__)

CHUNK = 25  # transcripts a job: long enough to drown its overhead, short enough to spread


async def data_of(
    session: AsyncSession,
    student_id: int,
    actor: Actor,
    view: str,
    institution: InstitutionSettings,
) -> TranscriptData:
    """What the transcript says now. Raises ``NotFound`` out of scope."""
    statement = transcript_data.header_statement(student_id)
    visible = students_of(actor, view)
    if visible is not None:
        statement = statement.where(visible)
    header = (await session.execute(statement)).one_or_none()
    if header is None:
        raise not_found("student")
    bands = (await session.execute(transcript_data.scheme_statement(header.scheme_id))).all()
    results = (await session.execute(transcript_data.results_statement(student_id))).all()
    return transcript_data.assemble(
        header,
        bands,
        results,
        institution=institution.institution_name,
        issued_on=today(institution.zone),
    )


async def enqueue(
    session: AsyncSession, actor: Actor, *, student_id: int, email: str | None
) -> uuid.UUID:
    """Records a request; the worker hears of it when the transaction commits.

    Raises ``NotFound`` for a student out of scope, ``PermissionDenied`` when somebody who
    may only request the own one names another address, ``ValidationFailed`` without any.
    """
    (student,) = await _students(session, actor, [student_id])
    address = email or student.email
    if not address:
        text = "The student has no e-mail address; send one."
        raise ValidationFailed(
            text, code="EMAIL_MISSING", errors=[FieldError("/email", "EMAIL_MISSING", text)]
        )
    if not actor.can(REQUEST) and address.lower() != (student.email or "").lower():
        raise PermissionDenied(
            "Your transcript goes to the address on your record only.", code="EMAIL_NOT_ALLOWED"
        )
    id_ = uuid.uuid4()
    job = new_job(GenerateAndEmailTranscript(request_id=id_), request_id=request_id())
    session.add(job)
    await session.flush()
    session.add(
        TranscriptRequest(
            id=id_,
            student_id=student_id,
            requested_by_id=actor.user_id,
            job_id=job.id,
            email=address,
        )
    )
    await session.flush()
    log.info("transcript requested", transcript_id=str(id_), job_id=str(job.id))
    return id_


async def enqueue_batch(
    session: AsyncSession, actor: Actor, student_ids: Sequence[int]
) -> uuid.UUID:
    """Records a request for each student, each to the own address, in jobs of ``CHUNK``.

    Raises ``ValidationFailed`` that names the students without an address; then nothing is
    recorded.
    """
    students = await _students(session, actor, list(dict.fromkeys(student_ids)))
    missing = [s.reg_no for s in students if not s.email]
    if missing:
        raise ValidationFailed(
            f"No e-mail address: {', '.join(missing[:20])}"
            f"{' …' if len(missing) > 20 else ''}. Add it or leave them out.",  # noqa: PLR2004
            code="EMAIL_MISSING",
        )
    batch = TranscriptBatch(id=uuid.uuid4(), requested_by_id=actor.user_id)
    session.add(batch)
    await session.flush()
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
            )
            for id_, student in chunk
        )
    await session.flush()
    log.info("transcript batch requested", batch_id=str(batch.id), students=len(students))
    return batch.id


async def _students(
    session: AsyncSession, actor: Actor, ids: list[int]
) -> list[Row[int, str, str | None]]:
    """(id, reg_no, email) of each; raises ``NotFound`` when one is out of scope or missing."""
    statement = select(Student.id, Student.reg_no, Student.email).where(Student.id.in_(ids))
    visible = students_of(actor, REQUEST)
    if visible is not None:
        statement = statement.where(visible)
    rows = list((await session.execute(statement.order_by(Student.reg_no))).all())
    if len(rows) != len(ids):
        unknown = sorted(set(ids) - {row.id for row in rows})
        raise not_found(f"student: {', '.join(map(str, unknown[:20]))}")
    return rows


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
