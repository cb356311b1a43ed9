"""Routes of the transcripts."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.audit import reading
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.resource import Id, Resource, add_list, find
from sims_api.transcripts import schemas as s
from sims_api.transcripts import service
from sims_api.transcripts.scope import REQUEST, REQUEST_OWN, VIEW, VIEW_OWN, requests_of
from sims_common.errors import Conflict
from sims_common.logs import get_logger
from sims_core.domain.grading import NoBand
from sims_core.domain.transcripts import TranscriptState
from sims_core.models import Student, TranscriptRequest
from sims_transcripts import UnprintableText, render

log = get_logger(__name__)

router = APIRouter(prefix="/api/transcripts", tags=["transcripts"], route_class=StrictRoute)

Requester = Annotated[Actor, allow(REQUEST, own=REQUEST_OWN)]
PDF = {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}

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
    related={"reg_no": Student.reg_no},
    joins=lambda statement: statement.join(Student, TranscriptRequest.student_id == Student.id),
    scope=requests_of,
    personal=True,
)
add_list(router, REQUESTS, allow(REQUEST, own=REQUEST_OWN), "/requests/")


@router.post("/enqueue/", status_code=202, response_model=s.Enqueued)
async def enqueue(session: Db, actor: Requester, once: AtMostOnce, body: s.Enqueue) -> Any:
    """Has a transcript made and mailed; ``Location`` tells where its state can be read."""

    async def record() -> s.Enqueued:
        id_ = await service.enqueue(session, actor, student_id=body.student_id, email=body.email)
        found = await _request(session, id_, actor)
        return s.Enqueued(message="The transcript will be mailed.", **found.model_dump())

    return await once.run(
        record, status=202, location=lambda out: f"/api/transcripts/requests/{out.id}/"
    )


@router.post("/batches/", status_code=202, response_model=s.BatchEnqueued)
async def enqueue_batch(
    session: Db, actor: Annotated[Actor, allow(REQUEST)], once: AtMostOnce, body: s.EnqueueBatch
) -> Any:
    """Has the transcripts of up to 1000 students made and mailed, each to the own address."""

    async def record() -> s.BatchEnqueued:
        id_ = await service.enqueue_batch(session, actor, body.student_ids)
        found = await service.batch_progress(session, id_, actor)
        return s.BatchEnqueued(message="The transcripts will be mailed.", **found.model_dump())

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
    actor: Annotated[Actor, allow(VIEW, own=VIEW_OWN)],
    student_id: Id,
) -> Response:
    """The transcript as a PDF; 409 with what the record needs first when it cannot be drawn."""
    settings = request.app.state.settings
    try:
        data = await service.data_of(
            session, student_id, actor=actor, view=VIEW, institution=settings
        )
        pdf = await to_thread.run_sync(render, data)
    except (NoBand, UnprintableText) as error:
        log.warning("transcript not printable", student_id=student_id, kind=type(error).__name__)
        raise Conflict(str(error), code="TRANSCRIPT_NOT_PRINTABLE") from error
    if actor.can(VIEW):
        await reading.record(session, request, actor, "transcript", entity_id=student_id)
    headers = {"Content-Disposition": f'attachment; filename="transcript_{_safe(data.reg_no)}.pdf"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


def _safe(reg_no: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in reg_no)
