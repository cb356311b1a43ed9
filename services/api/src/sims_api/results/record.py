"""A student's grades with GPA and CGPA: what the transcript prints, computed in one place."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.holds.gate import unless_held
from sims_api.problems import not_found
from sims_api.resource import Id
from sims_api.results import schemas as s
from sims_api.results.scope import VIEW, VIEW_OWN
from sims_api.students.scope import students_of
from sims_common.clock import today
from sims_common.errors import Conflict, PermissionDenied
from sims_common.settings import InstitutionSettings
from sims_core import transcript_data
from sims_core.domain.grading import NoBand
from sims_core.domain.holds import Held

router = APIRouter(route_class=StrictRoute)

Reader = Annotated[Actor, unless_held(VIEW, VIEW_OWN, Held.RESULTS)]


@router.get("/me/")
async def my_record(request: Request, session: Db, actor: Reader) -> s.RecordOut:
    """The released results of the student that the signed-in user is."""
    return await _record(session, actor, actor.student_id or 0, request.app.state.settings)


@router.get("/students/{student_id}/")
async def record(request: Request, session: Db, actor: Reader, student_id: Id) -> s.RecordOut:
    """The released results of a student."""
    return await _record(session, actor, student_id, request.app.state.settings)


async def _record(
    session: AsyncSession, actor: Actor, student_id: int, institution: InstitutionSettings
) -> s.RecordOut:
    """Raises ``NotFound`` out of scope, ``Conflict`` when the grading scheme has a gap."""
    if not actor.can(VIEW) and not actor.portal_results:
        raise PermissionDenied("The institution shows no results now.", code="RESULTS_NOT_SHOWN")
    statement = transcript_data.header_statement(student_id)
    visible = students_of(actor, VIEW)
    if visible is not None:
        statement = statement.where(visible)
    header = (await session.execute(statement)).one_or_none()
    if header is None:
        raise not_found("student")
    bands = (await session.execute(transcript_data.scheme_statement(header.scheme_id))).all()
    rows = (await session.execute(transcript_data.results_statement(student_id))).all()
    try:
        data = transcript_data.assemble(
            header,
            bands,
            rows,
            institution=institution.institution_name,
            issued_on=today(institution.zone),
        )
    except NoBand as error:
        raise Conflict(str(error), code="GRADING_SCHEME_INCOMPLETE") from error
    return s.RecordOut.model_validate(data)
