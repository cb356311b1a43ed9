"""Assessments and scores: what they look like and who reaches which."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from sqlalchemy import ColumnElement, Select, and_, or_, select

from sims_api.academics.scope import taken_by, taught_by
from sims_api.auth.actor import Actor
from sims_api.fields import Input, Marks, Name, OneLine, Output, Percent, RowId
from sims_api.resource import Resource
from sims_core.models import Assessment, AssessmentScore, Course, Section, Student

VIEW = "assessments.assessments.view"
VIEW_OWN = "assessments.assessments.view_own"
MANAGE = "assessments.assessments.manage"
MANAGE_OWN = "assessments.assessments.manage_own"

Kind = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), *OneLine
]


class AssessmentChange(Input):
    type: Kind
    title: Name
    weight: Percent = Field(description="percent of the section's coursework, together ≤ 100")
    max_score: Annotated[Marks, Field(gt=0)] = Decimal(100)


class AssessmentIn(AssessmentChange):
    section: RowId


class AssessmentOut(Output):
    id: int
    section: int
    section_name: str
    course_code: str
    type: str
    title: str
    weight: Decimal
    max_score: Decimal
    version: int


class ScoreChange(Input):
    score: Marks


class ScoreIn(ScoreChange):
    assessment: RowId
    student: RowId


class ScoreOut(Output):
    id: int
    assessment: int
    assessment_title: str
    section: int
    student: int
    reg_no: str
    student_name: str
    score: Decimal
    max_score: Decimal
    weight: Decimal
    version: int


def assessments_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``; else of the sections taught or taken."""
    if actor.can(VIEW):
        return None
    return or_(
        Assessment.section_id.in_(taught_by(actor.user_id)),
        Assessment.section_id.in_(taken_by(actor.student_id)),
    )


def scores_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``; else of the sections taught, and a student's own."""
    if actor.can(VIEW):
        return None
    taught = select(Assessment.id).where(Assessment.section_id.in_(taught_by(actor.user_id)))
    return or_(
        AssessmentScore.assessment_id.in_(taught),
        and_(AssessmentScore.student_id == actor.student_id),
    )


def _section(statement: Select[Any]) -> Select[Any]:
    return statement.join(Section, Assessment.section_id == Section.id).join(
        Course, Section.course_id == Course.id
    )


def _score_joins(statement: Select[Any]) -> Select[Any]:
    return statement.join(Assessment, AssessmentScore.assessment_id == Assessment.id).join(
        Student, AssessmentScore.student_id == Student.id
    )


ASSESSMENTS = Resource(
    name="assessment",
    path="assessments",
    tag="assessments",
    model=Assessment,
    out=AssessmentOut,
    permission="assessments.assessments",
    own_view=VIEW_OWN,
    scope=assessments_of,
    orderings={"id": Assessment.id, "title": Assessment.title},
    default_ordering="id",
    filters={"section": Assessment.section_id, "type": Assessment.type},
    related={"section_name": Section.name, "course_code": Course.code},
    joins=_section,
)

SCORES = Resource(
    name="assessment score",
    path="assessment-scores",
    tag="assessments",
    model=AssessmentScore,
    out=ScoreOut,
    permission="assessments.assessments",
    own_view=VIEW_OWN,
    scope=scores_of,
    orderings={"id": AssessmentScore.id},
    default_ordering="id",
    filters={"assessment": AssessmentScore.assessment_id, "student": AssessmentScore.student_id},
    related={
        "assessment_title": Assessment.title,
        "section": Assessment.section_id,
        "reg_no": Student.reg_no,
        "student_name": Student.name,
        "max_score": Assessment.max_score,
        "weight": Assessment.weight,
    },
    joins=_score_joins,
)
