"""From rows to what a transcript says: two statements, then pure assembly.

The statements run in the API's async session and in the worker's sync one alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, func, select

from sims_core.domain import grading
from sims_core.domain.results import RELEASED
from sims_core.models import (
    AcademicPeriod,
    Batch,
    Course,
    Exam,
    GradingBand,
    GradingScheme,
    Program,
    Result,
    Student,
)
from sims_transcripts import CourseLine, PeriodBlock, TranscriptData


def header_statement(student_id: int) -> Select[str, str, str, str, str, int]:
    """One row: who the student is and which grading scheme applies."""
    default_scheme = select(GradingScheme.id).where(GradingScheme.is_default).scalar_subquery()
    return (
        select(
            Student.name,
            Student.reg_no,
            Student.status,
            Program.name.label("program"),
            func.coalesce(Batch.name, "").label("batch"),
            func.coalesce(Program.grading_scheme_id, default_scheme).label("scheme_id"),
        )
        .join(Program, Student.program_id == Program.id)
        .outerjoin(Batch, Student.batch_id == Batch.id)
        .where(Student.id == student_id)
    )


def scheme_statement(scheme_id: int) -> Select[Decimal, str, Decimal]:
    return select(GradingBand.min_percent, GradingBand.letter, GradingBand.points).where(
        GradingBand.scheme_id == scheme_id
    )


def results_statement(
    student_id: int,
) -> Select[int, str, str, str, int, Decimal, Decimal]:
    """Released results in the order of the calendar. Drafts never leave the exam cell."""
    return (
        select(
            AcademicPeriod.id.label("period_id"),
            AcademicPeriod.name.label("period"),
            Course.code,
            Course.name,
            Course.credits,
            Result.total_obtained,
            Result.total_max,
        )
        .join(Exam, Result.exam_id == Exam.id)
        .join(Course, Exam.course_id == Course.id)
        .join(AcademicPeriod, Exam.academic_period_id == AcademicPeriod.id)
        .where(Result.student_id == student_id, Result.status.in_(RELEASED))
        .order_by(AcademicPeriod.start_date, AcademicPeriod.id, Course.code, Exam.title)
    )


def assemble(
    header: Row[Any],
    bands: Iterable[Row[Any]],
    results: Sequence[Row[Any]],
    *,
    institution: str,
    issued_on: date,
) -> TranscriptData:
    """The document's content; GPA per period and over all of them."""
    scheme = [grading.Band(b.min_percent, b.letter, b.points) for b in bands]
    periods = tuple(
        _period(name, [_line(row, scheme) for row in rows])
        for (_, name), rows in groupby(results, key=lambda row: (row.period_id, row.period))
    )
    lines = [line for period in periods for line in period.courses]
    return TranscriptData(
        institution=institution,
        student_name=header.name,
        reg_no=header.reg_no,
        program=header.program,
        batch=header.batch,
        status=header.status,
        issued_on=issued_on,
        periods=periods,
        credits=sum(line.credits for line in lines),
        cgpa=grading.gpa((line.points, line.credits) for line in lines),
    )


def _line(row: Row[Any], scheme: Sequence[grading.Band]) -> CourseLine:
    score = grading.percent(row.total_obtained, row.total_max)
    band = grading.grade(score, scheme)
    return CourseLine(
        code=row.code,
        name=row.name,
        credits=row.credits,
        percent=score,
        letter=band.letter,
        points=band.points,
    )


def _period(name: str, lines: list[CourseLine]) -> PeriodBlock:
    return PeriodBlock(
        name=name,
        courses=tuple(lines),
        credits=sum(line.credits for line in lines),
        gpa=grading.gpa((line.points, line.credits) for line in lines),
    )
