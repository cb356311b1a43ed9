"""Who attended enough of the section to sit the exam: shown beside the marks, not enforced."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from sims_core.domain.attendance import Tally, is_eligible
from sims_core.models import Attendance, AttendanceExemption, ClassSession, Program, Student


async def eligible(session: AsyncSession, places: dict[int, int]) -> dict[int, bool]:
    """Student → eligible, for those with attendance recorded in their section or exempt.

    ``places`` is student → section. Three statements whatever their number.
    """
    if not places:
        return {}
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    pair = tuple_(Attendance.student_id, ClassSession.section_id)
    rows = await session.execute(
        select(Attendance.student_id, Attendance.status, func.count())
        .join(ClassSession, ClassSession.id == Attendance.session_id)
        .where(ClassSession.section_id.in_(set(places.values())), pair.in_(places.items()))
        .group_by(Attendance.student_id, Attendance.status)
    )
    for student, status, n in rows:
        counts[student][status] = n
    held = tuple_(AttendanceExemption.student_id, AttendanceExemption.section_id)
    exempt = set(
        await session.scalars(
            select(AttendanceExemption.student_id).where(held.in_(places.items()))
        )
    )
    thresholds = await session.execute(
        select(Student.id, Program.attendance_threshold)
        .join(Program, Program.id == Student.program_id)
        .where(Student.id.in_(counts.keys() | exempt))
    )
    return {
        student: is_eligible(Tally.of(counts[student]), threshold, exempt=student in exempt)
        for student, threshold in thresholds
    }
