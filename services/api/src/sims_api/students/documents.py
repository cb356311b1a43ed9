"""A student's photo and documents."""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Form, Request, Response, UploadFile
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api import media
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import MAX_ID, Digits, Output
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Resource, add_list, find
from sims_common.errors import ValidationFailed
from sims_common.logs import get_logger
from sims_core.models import Student, StudentDocument
from sims_core.models.people import DOCUMENT_KINDS

log = get_logger(__name__)

VIEW = "students.documents.view"
VIEW_OWN = "students.documents.view_own"
CREATE = "students.documents.create"
DELETE = "students.documents.delete"
_FIELDS = ("file", "student", "kind")
_SAFE = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}
_BINARY: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/pdf", "image/jpeg")
        }
    }
}

router = APIRouter(prefix="/api/student-documents", tags=["students"], route_class=StrictRoute)


class DocumentOut(Output):
    id: uuid.UUID
    student: int
    reg_no: str
    kind: Literal["photo", "identity", "certificate", "medical", "other"]
    name: str
    media_type: str
    size: int
    uploaded_by: int
    created_at: datetime


def documents_of(actor: Actor) -> ColumnElement[bool] | None:
    if actor.can(VIEW):
        return None
    return StudentDocument.student_id == actor.student_id


DOCUMENTS = Resource(
    name="student document",
    path="student-documents",
    tag="students",
    model=StudentDocument,
    out=DocumentOut,
    permission="students.documents",
    own_view=VIEW_OWN,
    scope=documents_of,
    orderings={"created_at": StudentDocument.created_at},
    default_ordering="-created_at",
    filters={"student": StudentDocument.student_id, "kind": StudentDocument.kind},
    choices={"kind": DOCUMENT_KINDS},
    related={"reg_no": Student.reg_no},
    joins=lambda statement: statement.join(Student, StudentDocument.student_id == Student.id),
)

add_list(router, DOCUMENTS, allow(VIEW, own=VIEW_OWN))


@router.post("/", status_code=201)
async def upload(
    request: Request,
    response: Response,
    session: Db,
    actor: Annotated[Actor, allow(CREATE)],
    file: UploadFile,
    student: Annotated[int, Form(ge=1, le=MAX_ID), Digits],
    kind: Annotated[Literal["photo", "identity", "certificate", "medical", "other"], Form()],
) -> DocumentOut:
    """Stores a file for a student. A photo is a JPEG or PNG and replaces the one before."""
    sent = [name for name, _ in (await request.form()).multi_items()]
    if sorted(sent) != sorted(_FIELDS):
        raise ValidationFailed(f"Send {', '.join(_FIELDS)}, each once, and nothing else.")
    if await session.get(Student, student) is None:
        raise not_found("student")
    content = await file.read()
    found = await to_thread.run_sync(lambda: media.accept(content, photo=kind == "photo"))
    root = _root(request)
    await to_thread.run_sync(media.store, root, found)
    if kind == "photo":
        await session.execute(
            delete(StudentDocument).where(
                StudentDocument.student_id == student, StudentDocument.kind == "photo"
            )
        )
    row = StudentDocument(
        id=uuid.uuid4(),
        student_id=student,
        kind=kind,
        name=_shown_name(file.filename or "", kind),
        media_type=found.media_type,
        size=len(found.content),
        sha256=found.sha256,
        uploaded_by_id=actor.user_id,
    )
    session.add(row)
    await session.flush()
    log.info("document stored", document_id=str(row.id), kind=kind, size=row.size)
    response.headers["Location"] = f"/api/student-documents/{row.id}/"
    return await _shown(session, row.id, actor)


def _root(request: Request) -> Path | None:
    found: Path | None = request.app.state.settings.media_dir
    return found


def _shown_name(sent: str, kind: str) -> str:
    """The last part of a path, without what a screen or header would obey."""
    name = sent.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable() and c not in '"%')[:255] or kind


async def _shown(session: AsyncSession, id_: uuid.UUID, actor: Actor) -> DocumentOut:
    return DocumentOut.model_validate(await find(session, DOCUMENTS, id_, actor))


@router.get("/{id}/")
async def document(
    session: Db,
    actor: Annotated[Actor, allow(VIEW, own=VIEW_OWN)],
    id: uuid.UUID,  # noqa: A002 (the parameter's public name)
) -> DocumentOut:
    """What a document is."""
    return await _shown(session, id, actor)


@router.get("/{id}/content/", response_class=Response, responses=_BINARY)
async def content(
    request: Request,
    session: Db,
    actor: Annotated[Actor, allow(VIEW, own=VIEW_OWN)],
    id: uuid.UUID,  # noqa: A002
) -> Response:
    """The file, always as a download."""
    found = await _shown(session, id, actor)
    sha256 = await session.scalar(select(StudentDocument.sha256).where(StudentDocument.id == id))
    if sha256 is None:
        raise not_found("student document")
    stored = await to_thread.run_sync(media.read, _root(request), sha256)
    ending = "pdf" if found.media_type == "application/pdf" else "jpg"
    name = f'attachment; filename="{found.kind}-{id}.{ending}"'
    headers = {"Content-Disposition": name, **_SAFE}
    return Response(stored, media_type=found.media_type, headers=headers)


@router.delete("/{id}/", status_code=204)
async def remove(
    session: Db,
    actor: Annotated[Actor, allow(DELETE)],
    id: uuid.UUID,  # noqa: A002
) -> None:
    """Removes a document from the student; backups keep theirs."""
    await _shown(session, id, actor)
    await session.execute(delete(StudentDocument).where(StudentDocument.id == id))
    log.info("document removed", document_id=str(id))
