"""Reading the marks grid: candidates in rows, components in columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, SelectBase, func, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.exams import attendance
from sims_api.exams import schemas as s
from sims_api.exams.evaluation import Examination
from sims_api.exams.scope import MARKS_VIEW, candidates
from sims_api.versions import etag
from sims_core.domain.results import Outcome
from sims_core.models import Result, ResultComponent, Student


def rows_statement(
    examination: Examination, actor: Actor, *, everything: str = MARKS_VIEW, section: int | None
) -> Select[Any]:
    """Candidates with their results, if any: the enrolled ones the actor reaches and, with
    ``everything``, also those who have a result without being enrolled (any more)."""
    exam = examination.exam
    enrolled = candidates(exam.course_id, exam.academic_period_id, actor, everything).subquery()
    own = select(enrolled.c.student_id, func.min(enrolled.c.id).label("section_id")).group_by(
        enrolled.c.student_id
    )
    if section is not None:
        own = own.where(enrolled.c.id == section)
    place = own.cte("place")
    reached: SelectBase = select(place.c.student_id)
    if section is None and actor.can(everything):
        reached = union(
            select(place.c.student_id), select(Result.student_id).where(Result.exam_id == exam.id)
        )
    return (
        select(
            Student.id.label("student"),
            Student.reg_no,
            Student.name,
            place.c.section_id,
            Result.id.label("result"),
            Result.version,
            Result.status,
            Result.withheld_at,
            Result.total_obtained,
            Result.total_max,
            Result.is_complete,
            Result.final_outcome,
        )
        .select_from(Student)
        .outerjoin(place, place.c.student_id == Student.id)
        .outerjoin(Result, (Result.student_id == Student.id) & (Result.exam_id == exam.id))
        .where(Student.id.in_(reached))
        .order_by(Student.reg_no)
    )


async def rows(
    session: AsyncSession, examination: Examination, statement: Select[Any]
) -> list[s.RowOut]:
    """The rows of ``statement`` with marks and eligibility, in five statements at most."""
    found = (await session.execute(statement)).all()
    cells = await _cells(session, [row.result for row in found if row.result is not None])
    maximum = sum((c.max_marks for c in examination.components), Decimal(0))
    places = {row.student: row.section_id for row in found if row.section_id is not None}
    may_sit = await attendance.eligible(session, places)
    return [
        _row(row, cells[row.result], maximum, eligible=may_sit.get(row.student)) for row in found
    ]


async def _cells(session: AsyncSession, ids: Sequence[int]) -> dict[int | None, list[s.MarkOut]]:
    found: dict[int | None, list[s.MarkOut]] = defaultdict(list)
    if ids:
        statement = select(
            ResultComponent.result_id,
            ResultComponent.exam_component_id.label("component"),
            ResultComponent.marks_obtained,
            ResultComponent.is_absent,
            ResultComponent.component_outcome,
            ResultComponent.entered_by_id.label("entered_by"),
            ResultComponent.updated_at,
        ).where(ResultComponent.result_id.in_(ids))
        for row in await session.execute(statement.order_by(ResultComponent.exam_component_id)):
            found[row.result_id].append(s.MarkOut.model_validate(row))
    return found


def _row(
    row: Row[*tuple[Any, ...]], marks: list[s.MarkOut], maximum: Decimal, *, eligible: bool | None
) -> s.RowOut:
    """A candidate without a result has version 0: who saves first creates it."""
    return s.RowOut(
        student=row.student,
        reg_no=row.reg_no,
        student_name=row.name,
        section=row.section_id,
        result=row.result,
        etag=etag(row.version or 0),
        status=row.status,
        withheld=row.withheld_at is not None,
        eligible=eligible,
        marks=marks,
        total_obtained=row.total_obtained or Decimal(0),
        total_max=row.total_max or maximum,
        is_complete=bool(row.is_complete),
        final_outcome=row.final_outcome or Outcome.PENDING,
    )
