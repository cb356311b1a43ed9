"""Which candidates of an exam an actor reaches: all, or those of the sections taught."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, and_, exists, select

from sims_api.academics.scope import taught_by
from sims_api.auth.actor import Actor
from sims_core.domain.enrollment import PRESENT_IN_SECTION
from sims_core.models import Enrollment, Exam, Result, Section

MARKS_VIEW = "results.marks.view"
MARKS_VIEW_OWN = "results.marks.view_own"
MARKS_ENTER = "results.marks.enter"
MARKS_ENTER_OWN = "results.marks.enter_own"


def candidates(
    course_id: int, academic_period_id: int, actor: Actor, everything: str
) -> Select[int, int]:
    """(student id, section id) of who is enrolled in the exam's course and period.

    With the permission ``everything`` of all sections, else of those the actor teaches.
    """
    statement = (
        select(Enrollment.student_id, Section.id)
        .join(Section, Section.id == Enrollment.section_id)
        .where(
            Section.course_id == course_id,
            Section.academic_period_id == academic_period_id,
            Enrollment.status.in_(PRESENT_IN_SECTION),
        )
    )
    if not actor.can(everything):
        statement = statement.where(Section.id.in_(taught_by(actor.user_id)))
    return statement


def in_taught_sections(actor: Actor) -> ColumnElement[bool]:
    """Whether a ``Result`` is of a student in a section that the actor teaches.

    The section is of the exam's course and period: teaching somebody something else opens
    nothing.
    """
    return exists(
        select(Enrollment.id)
        .join(Section, Section.id == Enrollment.section_id)
        .join(
            Exam,
            and_(
                Exam.course_id == Section.course_id,
                Exam.academic_period_id == Section.academic_period_id,
            ),
        )
        .where(
            Exam.id == Result.exam_id,
            Enrollment.student_id == Result.student_id,
            Enrollment.status.in_(PRESENT_IN_SECTION),
            Section.id.in_(taught_by(actor.user_id)),
        )
        .correlate(Result)
    )
