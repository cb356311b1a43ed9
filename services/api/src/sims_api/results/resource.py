"""Results: what was marked, and how far it has been released."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false

from sims_api.auth.actor import Actor
from sims_api.fields import Output
from sims_api.resource import Resource, router_of
from sims_core.domain.results import RELEASED, Outcome, ResultStatus
from sims_core.models import AcademicPeriod, Course, Exam, Result, Student

VIEW = "results.result_headers.view"
VIEW_OWN = "results.result_headers.view_own"


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
    status: ResultStatus
    published_at: datetime | None
    frozen_at: datetime | None
    version: int


def results_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``; else the own ones, once released: no student sees a draft.

    None at all while the institution has switched results off for students.
    """
    if actor.can(VIEW):
        return None
    if not actor.portal_results:
        return false()
    return and_(Result.student_id == actor.student_id, Result.status.in_(RELEASED))


def _joins(statement: Select[Any]) -> Select[Any]:
    return (
        statement.join(Exam, Result.exam_id == Exam.id)
        .join(Course, Exam.course_id == Course.id)
        .join(AcademicPeriod, Exam.academic_period_id == AcademicPeriod.id)
        .join(Student, Result.student_id == Student.id)
    )


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

router = router_of(RESULTS)
