"""From rows to what a transcript says: three statements, then pure assembly.

The statements run in the API's async session and in the worker's sync one alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, func, select

from sims_core.domain import grading
from sims_core.domain.results import RELEASED, Outcome
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
from sims_transcripts import CourseLine, GradeStep, PeriodBlock, TranscriptData


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
) -> Select[int, str, str, str, int, Decimal, Decimal, str]:
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
            Result.final_outcome,
        )
        .join(Exam, Result.exam_id == Exam.id)
        .join(Course, Exam.course_id == Course.id)
        .join(AcademicPeriod, Exam.academic_period_id == AcademicPeriod.id)
        .where(Result.student_id == student_id, Result.status.in_(RELEASED))
        .order_by(
            AcademicPeriod.start_date,
            AcademicPeriod.id,
            Course.code,
            Exam.scheduled_at.nulls_first(),
            Exam.id,
        )
    )


def assemble(
    header: Row[*tuple[Any, ...]],
    bands: Iterable[Row[*tuple[Any, ...]]],
    results: Sequence[Row[*tuple[Any, ...]]],
    *,
    institution: str,
    issued_on: date,
) -> TranscriptData:
    """The document's content; GPA per period and over all of them.

    Raises ``grading.NoBand`` when the grading scheme leaves a result without a letter.
    """
    scheme = [grading.Band(b.min_percent, b.letter, b.points) for b in bands]
    graded = [_grade(row, scheme) for row in results]
    counts = grading.counting([line.attempt for line in graded])
    overall = grading.totals([line.attempt for line in graded])
    periods = groupby(zip(graded, counts, strict=True), key=lambda pair: pair[0].period)
    return TranscriptData(
        institution=institution,
        student_name=header.name,
        reg_no=header.reg_no,
        program=header.program,
        batch=header.batch,
        status=header.status,
        issued_on=issued_on,
        periods=tuple(_period(name, list(lines)) for (_, name), lines in periods),
        credits=overall.credits,
        credits_earned=overall.earned,
        cgpa=overall.gpa,
        scale=_scale(scheme),
    )


@dataclass(frozen=True)
class _Graded:
    """A result with its grade; ``period`` is (id, name)."""

    period: tuple[int, str]
    name: str
    letter: str
    attempt: grading.Attempt


def _grade(row: Row[*tuple[Any, ...]], scheme: Sequence[grading.Band]) -> _Graded:
    score = grading.percent(row.total_obtained, row.total_max)
    band = grading.awarded(score, scheme, failed=row.final_outcome == Outcome.FAIL)
    return _Graded(
        period=(row.period_id, row.period),
        name=row.name,
        letter=band.letter,
        attempt=grading.Attempt(row.code, row.credits, score, band.points),
    )


def _period(name: str, lines: Sequence[tuple[_Graded, bool]]) -> PeriodBlock:
    totals = grading.totals([line.attempt for line, _ in lines])
    return PeriodBlock(
        name=name,
        courses=tuple(_course(line, counted=counted) for line, counted in lines),
        credits=totals.credits,
        credits_earned=totals.earned,
        gpa=totals.gpa,
    )


def _course(line: _Graded, *, counted: bool) -> CourseLine:
    return CourseLine(
        code=line.attempt.course,
        name=line.name,
        credits=line.attempt.credits,
        percent=line.attempt.score,
        letter=line.letter,
        points=line.attempt.points,
        counted=counted,
    )


def _scale(scheme: Sequence[grading.Band]) -> tuple[GradeStep, ...]:
    ordered = sorted(scheme, key=lambda band: band.min_percent, reverse=True)
    return tuple(
        GradeStep(letter=band.letter, min_percent=band.min_percent, points=band.points)
        for band in ordered
    )
