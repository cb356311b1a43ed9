"""Exams and their components."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.exams import evaluation
from sims_api.exams import schemas as s
from sims_api.resource import Resource
from sims_common.errors import Conflict
from sims_core.domain import passing
from sims_core.models import AcademicPeriod, Course, Exam, ExamComponent, Result

RULE = frozenset(
    {"passing_mode", "pass_total_marks", "pass_total_percent", "fail_if_any_component_fail"}
)


def _exam_joins(statement: Select[Any]) -> Select[Any]:
    return statement.join(Course, Exam.course_id == Course.id).join(
        AcademicPeriod, Exam.academic_period_id == AcademicPeriod.id
    )


async def _keep_results_true(
    session: AsyncSession, values: dict[str, Any], row: Exam | None, _today: date
) -> None:
    """A changed rule is applied to drafts; verified results were verified by the old one.

    Raises ``Conflict`` for those, and when an exam with results shall become another course's.
    """
    if row is None:
        return
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    if changed & {"course_id", "academic_period_id"}:
        results = await session.scalar(select(func.count()).where(Result.exam_id == row.id))
        if results:
            raise Conflict(
                f"The exam has {results} results; course and period stay.", code="EXAM_IN_USE"
            )
    if changed & RULE:
        await evaluation.refuse_after_verification(session, row.id)
        rule = {name: values.get(name, getattr(row, name)) for name in RULE}
        policy = passing.Policy(
            mode=passing.PassingMode(rule["passing_mode"]),
            **{name: value for name, value in rule.items() if name != "passing_mode"},
        )
        await evaluation.recompute_drafts(session, row.id, policy)


EXAMS = Resource(
    name="exam",
    path="exams",
    tag="exams",
    model=Exam,
    out=s.ExamOut,
    create=s.ExamIn,
    deletable=True,
    permission="exams.exams",
    orderings={"id": Exam.id, "title": Exam.title},
    default_ordering="-id",
    filters={
        "course": Exam.course_id,
        "academic_period": Exam.academic_period_id,
        "exam_type": Exam.exam_type,
        "passing_mode": Exam.passing_mode,
    },
    choices={"passing_mode": tuple(passing.PassingMode)},
    related={
        "course_code": Course.code,
        "course_name": Course.name,
        "academic_period_name": AcademicPeriod.name,
    },
    joins=_exam_joins,
    prepare=_keep_results_true,
)

COMPONENTS = Resource(
    name="exam component",
    path="exam-components",
    tag="exams",
    model=ExamComponent,
    out=s.ComponentOut,
    permission="exams.exams",
    orderings={"id": ExamComponent.id, "sequence": ExamComponent.sequence},
    default_ordering="id",
    filters={"exam": ExamComponent.exam_id},
)
