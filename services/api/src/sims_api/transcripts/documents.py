"""Issued transcripts: listed with what is true of each, revoked."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import ColumnElement, Select

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import Input, Line, Output
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Resource, add_list, find
from sims_common.clock import now
from sims_common.errors import Conflict
from sims_common.logs import get_logger
from sims_core.domain.transcripts import DocumentStatus
from sims_core.models import Student, TranscriptDocument, TranscriptPurpose
from sims_core.transcript_documents import status_column

log = get_logger(__name__)

VIEW, REVOKE = "transcripts.documents.view", "transcripts.documents.revoke"


class DocumentOut(Output):
    """One issued transcript; its token is stored nowhere."""

    id: uuid.UUID
    student_id: int
    reg_no: str
    purpose: str
    request_id: uuid.UUID | None = Field(description="None: it was downloaded")
    issued_to_id: int = Field(description="the user who asked for it")
    status: DocumentStatus
    issued_at: datetime
    expires_at: datetime
    superseded_by_id: uuid.UUID | None
    revoked_at: datetime | None
    revoked_by_id: int | None
    revoked_reason: str | None
    pdf_sha256: str | None


class Revocation(Input):
    reason: Line = Field(description="kept here; whoever verifies the document does not read it")


def _joins(statement: Select[Any]) -> Select[Any]:
    return statement.join(Student, TranscriptDocument.student_id == Student.id).join(
        TranscriptPurpose, TranscriptDocument.purpose_id == TranscriptPurpose.id
    )


def _sealed(_actor: Actor) -> ColumnElement[bool]:
    """One that never came to be signed was never issued."""
    return TranscriptDocument.pdf_sha256.is_not(None)


DOCUMENTS = Resource(
    name="transcript document",
    path="transcripts/documents",
    tag="transcripts",
    model=TranscriptDocument,
    out=DocumentOut,
    permission="transcripts.documents",
    orderings={"issued_at": TranscriptDocument.issued_at},
    default_ordering="-issued_at",
    filters={"student": TranscriptDocument.student_id, "request_id": TranscriptDocument.request_id},
    related={
        "reg_no": Student.reg_no,
        "purpose": TranscriptPurpose.code,
        "status": status_column(),
    },
    joins=_joins,
    scope=_sealed,
)

router = APIRouter(
    prefix="/api/transcripts/documents", tags=["transcripts"], route_class=StrictRoute
)
add_list(router, DOCUMENTS, allow(VIEW))


@router.get("/{id}/")
async def document(
    session: Db,
    actor: Annotated[Actor, allow(VIEW)],
    id: uuid.UUID,  # noqa: A002 (the parameter's public name)
) -> DocumentOut:
    """One issued transcript."""
    return DocumentOut.model_validate(await find(session, DOCUMENTS, id, actor))


@router.post("/{id}/revoke/")
async def revoke(
    session: Db,
    actor: Annotated[Actor, allow(REVOKE)],
    id: uuid.UUID,  # noqa: A002
    body: Revocation,
) -> DocumentOut:
    """Makes its verification say "revoked" from now on; this cannot be taken back."""
    row = await session.get(TranscriptDocument, id, with_for_update=True)
    if row is None or row.pdf_sha256 is None:
        raise not_found(DOCUMENTS.name)
    if row.revoked_at is not None:
        raise Conflict("This document has been revoked before.", code="ALREADY_REVOKED")
    row.revoked_at, row.revoked_by_id, row.revoked_reason = now(), actor.user_id, body.reason
    await session.flush()
    log.info("transcript revoked", document_id=str(id), student_id=row.student_id)
    return DocumentOut.model_validate(await find(session, DOCUMENTS, id, actor))
