"""Which sections are somebody's own: said once, for every domain that hangs on a section."""

from __future__ import annotations

from sqlalchemy import Select, select

from sims_core.domain.enrollment import PRESENT_IN_SECTION
from sims_core.models import Enrollment, SectionTeacher


def taught_by(user_id: int) -> Select[int]:
    """Ids of the sections that this user teaches; for ``column.in_(…)``."""
    return select(SectionTeacher.section_id).where(SectionTeacher.user_id == user_id)


def taken_by(student_id: int | None) -> Select[int]:
    """Ids of the sections that this student is enrolled in; none for who is no student."""
    return select(Enrollment.section_id).where(
        Enrollment.student_id == student_id, Enrollment.status.in_(PRESENT_IN_SECTION)
    )


def students_taught_by(user_id: int) -> Select[int]:
    """Ids of the students enrolled in this user's sections."""
    return (
        select(Enrollment.student_id)
        .join(SectionTeacher, SectionTeacher.section_id == Enrollment.section_id)
        .where(SectionTeacher.user_id == user_id, Enrollment.status.in_(PRESENT_IN_SECTION))
    )
