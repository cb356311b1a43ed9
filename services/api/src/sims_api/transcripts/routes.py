"""Routes of the transcripts."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.audit import reading
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db, OpenSessions
from sims_api.fields import Code
from sims_api.holds.gate import ensure_free
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.resource import Id, Resource, add_list, find
from sims_api.transcripts import schemas as s
from sims_api.transcripts import service
from sims_api.transcripts.download import download as issue_now
from sims_api.transcripts.scope import REQUEST, REQUEST_OWN, VIEW, VIEW_OWN, requests_of
from sims_api.transcripts.selection import select_students
from sims_common.logs import get_logger, request_id
from sims_core import job_control
from sims_core.domain.holds import Held
from sims_core.domain.transcripts import TranscriptState
from sims_core.models import Student, TranscriptPurpose, TranscriptRequest

log = get_logger(__name__)

router = APIRouter(prefix="/api/transcripts", tags=["transcripts"], route_class=StrictRoute)

Requester = Annotated[Actor, allow(REQUEST, own=REQUEST_OWN)]
PDF = {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}


def _joins(statement: Select[Any]) -> Select[Any]:
    return statement.join(Student, TranscriptRequest.student_id == Student.id).outerjoin(
        TranscriptPurpose, TranscriptRequest.purpose_id == TranscriptPurpose.id
    )


REQUESTS = Resource(
    name="transcript request",
    path="transcripts/requests",
    tag="transcripts",
    model=TranscriptRequest,
    out=s.TranscriptRequestOut,
    permission=REQUEST,
    orderings={"created_at": TranscriptRequest.created_at},
    default_ordering="-created_at",
    filters={
        "student": TranscriptRequest.student_id,
        "batch": TranscriptRequest.batch_id,
        "state": TranscriptRequest.state,
    },
    choices={"state": tuple(TranscriptState)},
    related={"reg_no": Student.reg_no, "purpose": TranscriptPurpose.code},
    joins=_joins,
    scope=requests_of,
    personal=True,
)
add_list(router, REQUESTS, allow(REQUEST, own=REQUEST_OWN), "/requests/")


@router.post("/enqueue/", status_code=202, response_model=s.Enqueued)
async def enqueue(session: Db, actor: Requester, once: AtMostOnce, body: s.Enqueue) -> Any:
    """Has a transcript made and mailed; ``Location`` tells where its state can be read."""

    async def record() -> s.Enqueued:
        id_ = await service.enqueue(session, actor, body)
        found = await _request(session, id_, actor)
        return s.Enqueued(message="The transcript will be mailed.", **found.model_dump())

    return await once.run(
        record, status=202, location=lambda out: f"/api/transcripts/requests/{out.id}/"
    )


@router.post("/batches/", status_code=202, response_model=s.BatchEnqueued)
async def enqueue_batch(
    session: Db, actor: Annotated[Actor, allow(REQUEST)], once: AtMostOnce, body: s.EnqueueBatch
) -> Any:
    """Has the transcripts of many students made and mailed, each to the own address."""

    async def record() -> s.BatchEnqueued:
        chosen = await select_students(session, actor, body)
        id_ = await service.enqueue_batch(session, actor, chosen, body.purpose)
        found = await service.batch_progress(session, id_, actor)
        return s.BatchEnqueued(
            message="The transcripts will be mailed.",
            left_out=chosen.left_out,
            **found.model_dump(),
        )

    return await once.run(
        record, status=202, location=lambda out: f"/api/transcripts/batches/{out.id}/"
    )


@router.get("/batches/{id}/")
async def batch(
    session: Db,
    actor: Annotated[Actor, allow(REQUEST)],
    id: uuid.UUID,  # noqa: A002 (the parameter's public name)
) -> s.BatchOut:
    """How far a batch is."""
    return await service.batch_progress(session, id, actor)


@router.post("/batches/{id}/cancel/")
async def cancel_batch(
    session: Db,
    actor: Annotated[Actor, allow(REQUEST)],
    id: uuid.UUID,  # noqa: A002
) -> s.BatchOut:
    """Takes back what has not been begun; what is being made or sent goes on."""
    await service.cancel_batch(session, id)
    return await service.batch_progress(session, id, actor)


@router.post("/requests/{id}/cancel/")
async def cancel_request(
    session: Db,
    actor: Requester,
    id: uuid.UUID,  # noqa: A002
) -> s.TranscriptRequestOut:
    """Takes a request back that has not been begun."""
    await _request(session, id, actor)
    await service.cancel_request(session, id)
    return await _request(session, id, actor)


@router.post("/requests/{id}/requeue/", status_code=202)
async def requeue_request(
    session: Db,
    actor: Annotated[Actor, allow(REQUEST)],
    id: uuid.UUID,  # noqa: A002
) -> s.TranscriptRequestOut:
    """Has a refused, failed, unknown or cancelled request made once more."""
    found = await _request(session, id, actor)
    await ensure_free(session, found.student_id, Held.TRANSCRIPTS)
    job_id = await session.run_sync(
        lambda sync: job_control.requeue_request(sync, id, api_request_id=request_id())
    )
    log.info("transcript requeued", transcript_id=str(id), job_id=str(job_id))
    return await _request(session, id, actor)


@router.get("/requests/{id}/")
async def request_state(
    session: Db,
    actor: Requester,
    id: uuid.UUID,  # noqa: A002
) -> s.TranscriptRequestOut:
    """What became of a request."""
    return await _request(session, id, actor)


async def _request(session: AsyncSession, id_: uuid.UUID, actor: Actor) -> s.TranscriptRequestOut:
    found = await find(session, REQUESTS, id_, actor)
    return s.TranscriptRequestOut.model_validate(found)


@router.get("/{student_id}/", response_class=Response, responses={200: PDF})
async def download(
    request: Request,
    session: Db,
    sessions: OpenSessions,
    actor: Annotated[Actor, allow(VIEW, own=VIEW_OWN)],
    student_id: Id,
    purpose: Annotated[Code | None, Query(description="code of a purpose")] = None,
) -> Response:
    """The transcript as a signed PDF; 409 with what the record needs first when it cannot be
    drawn."""
    found = await issue_now(sessions, request.app.state.press, actor, VIEW, student_id, purpose)
    if actor.can(VIEW):
        await reading.record(session, request, actor, "transcript", entity_id=student_id)
    name = f"transcript_{_safe(found.reg_no)}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(found.pdf, media_type="application/pdf", headers=headers)


def _safe(reg_no: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in reg_no)
