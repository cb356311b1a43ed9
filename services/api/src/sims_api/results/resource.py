"""Results: what was marked, and how far it has been released."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, Select, select

from sims_api.auth.actor import Actor
from sims_api.fields import Output
from sims_api.resource import Resource
from sims_api.results.scope import VIEW_OWN, results_of
from sims_core.domain.passing import ComponentOutcome
from sims_core.domain.results import Outcome, ResultStatus
from sims_core.models import (
    AcademicPeriod,
    Course,
    Exam,
    ExamComponent,
    Result,
    ResultComponent,
    Student,
)


class ResultOut(Output):
    id: int
    exam: int
    exam_title: str
    course_code: str
    course_name: str
    academic_period: str
    student: int
    reg_no: str
    student_name: str
    total_obtained: Decimal
    total_max: Decimal
    final_outcome: Outcome
    is_complete: bool = Field(description="no mandatory component is open")
    status: ResultStatus
    verified_at: datetime | None
    published_at: datetime | None
    frozen_at: datetime | None
    withheld_at: datetime | None = Field(description="held back from publication since then")
    withheld_reason: str
    revised_at: datetime | None = Field(description="last change after its release")
    version: int


def _joins(statement: Select[Any]) -> Select[Any]:
    return (
        statement.join(Exam, Result.exam_id == Exam.id)
        .join(Course, Exam.course_id == Course.id)
        .join(AcademicPeriod, Exam.academic_period_id == AcademicPeriod.id)
        .join(Student, Result.student_id == Student.id)
    )


def _components_of(actor: Actor) -> ColumnElement[bool] | None:
    """The marks of the results in reach."""
    visible = results_of(actor)
    if visible is None:
        return None
    return ResultComponent.result_id.in_(select(Result.id).where(visible))


def _component_joins(statement: Select[Any]) -> Select[Any]:
    return statement.join(ExamComponent, ResultComponent.exam_component_id == ExamComponent.id)


RESULTS = Resource(
    name="result",
    path="results",
    tag="results",
    model=Result,
    out=ResultOut,
    permission="results.result_headers",
    own_view=VIEW_OWN,
    export_permission="results.result_headers.export",
    personal=True,
    scope=results_of,
    orderings={"id": Result.id, "created_at": Result.created_at},
    default_ordering="-id",
    filters={
        "exam": Result.exam_id,
        "student": Result.student_id,
        "status": Result.status,
        "final_outcome": Result.final_outcome,
        "is_complete": Result.is_complete,
    },
    choices={"status": tuple(ResultStatus), "final_outcome": tuple(Outcome)},
    related={
        "exam_title": Exam.title,
        "course_code": Course.code,
        "course_name": Course.name,
        "academic_period": AcademicPeriod.name,
        "reg_no": Student.reg_no,
        "student_name": Student.name,
    },
    joins=_joins,
)


class ResultComponentOut(Output):
    id: int
    result: int
    exam_component: int
    component_name: str
    marks_obtained: Decimal | None
    is_absent: bool
    component_outcome: ComponentOutcome
    max_marks: Decimal


RESULT_COMPONENTS = Resource(
    name="result component",
    path="result-components",
    tag="results",
    model=ResultComponent,
    out=ResultComponentOut,
    permission="results.result_headers",
    own_view=VIEW_OWN,
    scope=_components_of,
    orderings={"id": ResultComponent.id},
    default_ordering="id",
    filters={
        "result": ResultComponent.result_id,
        "exam_component": ResultComponent.exam_component_id,
    },
    related={"component_name": ExamComponent.name, "max_marks": ExamComponent.max_marks},
    joins=_component_joins,
)
