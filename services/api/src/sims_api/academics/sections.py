"""Sections: a course taught to one class in one academic period."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, Select, or_
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.academics.schemas import Ids
from sims_api.academics.scope import taken_by, taught_by
from sims_api.auth.actor import Actor
from sims_api.fields import Input, Name, Output, RowId, RowNumber, Whole
from sims_api.members import Members
from sims_api.resource import Resource
from sims_common.errors import FieldError, ValidationFailed
from sims_core.models import AcademicPeriod, Course, Section, SectionTeacher

VIEW = "academics.sections.view"
VIEW_OWN = "academics.sections.view_own"

Seats = Annotated[int, Field(ge=1, le=10_000, strict=True), Whole]


class SectionIn(Input):
    course: RowId
    academic_period: RowId
    group: RowId | None = None
    name: Name
    capacity: Seats = 50
    teachers: Ids = Field(default_factory=list, description="users whose own section it is")


class SectionOut(Output):
    id: int
    course: int
    course_code: str
    course_name: str
    academic_period: int
    academic_period_name: str
    group: int | None
    name: str
    capacity: int
    enrolled_count: int
    teachers: list[int]
    version: int


def sections_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``; else those that the actor teaches or takes."""
    if actor.can(VIEW):
        return None
    return or_(Section.id.in_(taught_by(actor.user_id)), Section.id.in_(taken_by(actor.student_id)))


def _joins(statement: Select[Any]) -> Select[Any]:
    return statement.join(Course, Section.course_id == Course.id).join(
        AcademicPeriod, Section.academic_period_id == AcademicPeriod.id
    )


async def _keep_seats(
    _session: AsyncSession, values: dict[str, Any], row: Section | None, _today: date
) -> None:
    """Raises ``ValidationFailed`` when there would be fewer seats than students in them."""
    if row is not None and values.get("capacity", row.capacity) < row.enrolled_count:
        text = f"{row.enrolled_count} students are enrolled; the capacity cannot be less."
        raise ValidationFailed(text, errors=[FieldError("/capacity", "TOO_SMALL", text)])


SECTIONS = Resource(
    name="section",
    path="academics/sections",
    tag="academics",
    model=Section,
    out=SectionOut,
    create=SectionIn,
    deletable=True,
    permission="academics.sections",
    own_view=VIEW_OWN,
    scope=sections_of,
    orderings={"id": Section.id, "name": Section.name},
    default_ordering="-id",
    filters={
        "course": Section.course_id,
        "academic_period": Section.academic_period_id,
        "group": Section.group_id,
    },
    criteria={"teacher": (RowNumber, lambda user: Section.id.in_(taught_by(user)))},
    related={
        "course_code": Course.code,
        "course_name": Course.name,
        "academic_period_name": AcademicPeriod.name,
    },
    joins=_joins,
    members={"teachers": Members(SectionTeacher, "section_id", "user_id")},
    prepare=_keep_seats,
)
