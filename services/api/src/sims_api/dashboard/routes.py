"""``GET /api/dashboard/stats/``: what the actor may see, counted in one statement.

A counter belongs to a permission, not to a role: whoever may see the rows sees their number.
Each counts within the scope of its list, so a student's results are the released ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import ColumnElement, func, select

from sims_api.academics.scope import students_taught_by, taken_by, taught_by
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import Output
from sims_api.policy import authenticated
from sims_api.results.scope import results_of
from sims_api.transcripts.scope import requests_of
from sims_core.domain import permissions as p
from sims_core.domain.results import ResultStatus
from sims_core.domain.students import StudentStatus
from sims_core.domain.transcripts import ENDS
from sims_core.models import (
    AcademicPeriod,
    Base,
    Course,
    Result,
    Section,
    Student,
    TranscriptRequest,
    User,
)

router = APIRouter(prefix="/api/dashboard", tags=["dashboard"], route_class=StrictRoute)

Conditions = Callable[[Actor], list[ColumnElement[bool] | None]]


@dataclass(frozen=True)
class Counter:
    """``n`` rows of ``model`` under ``conditions``, for who has one of ``permissions``."""

    name: str
    model: type[Base]
    permissions: tuple[str, ...]
    conditions: Conditions

    def subquery(self, actor: Actor) -> Any:
        wanted = [one for one in self.conditions(actor) if one is not None]
        counted = select(func.count()).select_from(self.model).where(*wanted)
        return counted.scalar_subquery().label(self.name)


STUDENTS, RESULTS = "students.students.view", "results.result_headers.view"
REQUESTS = ("transcripts.transcripts.request", "transcripts.transcripts.request_own")
COUNTERS = (
    Counter("active_students", Student, (STUDENTS,), lambda _: [Student.status == "active"]),
    Counter(
        "students_on_leave",
        Student,
        (STUDENTS,),
        lambda _: [Student.status == StudentStatus.ON_LEAVE],
    ),
    Counter("courses", Course, ("academics.courses.update",), lambda _: []),
    Counter(
        "open_periods",
        AcademicPeriod,
        ("academics.terms.update",),
        lambda _: [AcademicPeriod.status == "OPEN"],
    ),
    Counter("sections", Section, ("academics.sections.view",), lambda _: []),
    *(
        Counter(
            f"{status.lower()}_results",
            Result,
            (RESULTS,),
            lambda _, status=status: [Result.status == status],  # type: ignore[misc]
        )
        for status in ResultStatus
    ),
    Counter(
        "open_transcript_requests",
        TranscriptRequest,
        REQUESTS,
        lambda actor: [requests_of(actor), TranscriptRequest.state.not_in(ENDS)],
    ),
    Counter("active_logins", User, ("users.users.view",), lambda _: [User.is_active.is_(True)]),
)
TEACHERS = (
    Counter("my_sections", Section, (), lambda a: [Section.id.in_(taught_by(a.user_id))]),
    Counter("my_students", Student, (), lambda a: [Student.id.in_(students_taught_by(a.user_id))]),
)
OWN = (
    Counter("my_results", Result, (), lambda a: [Result.student_id == a.student_id, results_of(a)]),
    Counter("my_sections", Section, (), lambda a: [Section.id.in_(taken_by(a.student_id))]),
)


class Stats(Output):
    role: str
    counters: dict[str, int] = Field(description="by name; those that the actor may see")


def counters_of(actor: Actor) -> list[Counter]:
    found = [c for c in COUNTERS if any(actor.can(code) for code in c.permissions)]
    if actor.student_id is not None:
        return [*found, *OWN]
    return [*found, *TEACHERS] if p.FACULTY in actor.roles else found


@router.get("/stats/")
async def stats(session: Db, actor: Annotated[Actor, authenticated()]) -> Stats:
    """Counters of what the signed-in user may see."""
    found = counters_of(actor)
    if not found:
        return Stats(role=actor.role, counters={})
    row = (await session.execute(select(*(c.subquery(actor) for c in found)))).one()
    return Stats(role=actor.role, counters=dict(row._mapping))  # noqa: SLF001
