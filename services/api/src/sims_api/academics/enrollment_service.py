"""Enrolling, dropping, withdrawing: under the section's row lock, all rules in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.academics.enrollment_schemas import EnrollResult
from sims_api.broken_rules import term_closed
from sims_api.problems import not_found
from sims_common.clock import now
from sims_common.errors import Conflict
from sims_common.logs import get_logger
from sims_core.domain.enrollment import EnrollmentStatus as S
from sims_core.domain.enrollment import may_become
from sims_core.domain.results import RELEASED, Outcome
from sims_core.domain.students import StudentStatus
from sims_core.models import (
    AcademicPeriod,
    Course,
    CoursePrerequisite,
    Enrollment,
    EnrollmentEvent,
    Exam,
    Result,
    Section,
    Student,
)

log = get_logger(__name__)


@dataclass(frozen=True)
class Refusal:
    code: str
    message: str

    def problem(self) -> Conflict:
        return Conflict(self.message, code=self.code)


async def locked_section(session: AsyncSession, id_: int) -> Section:
    """The section, held: who enrols after us sees the seats that we left."""
    statement = select(Section).where(Section.id == id_).with_for_update(key_share=True)
    found = (await session.scalars(statement)).one_or_none()
    if found is None:
        raise not_found("section")
    return found


async def require_open(session: AsyncSession, section: Section) -> None:
    """Raises ``Conflict`` TERM_CLOSED or ENROLLMENT_CLOSED; holds the period as it is."""
    period = (
        await session.scalars(
            select(AcademicPeriod)
            .where(AcademicPeriod.id == section.academic_period_id)
            .with_for_update(read=True)
        )
    ).one()
    if period.status == "CLOSED":
        raise term_closed(period.name)
    if not period.is_enrollment_open:
        raise Conflict(f"Enrolment in {period.name} is closed.", code="ENROLLMENT_CLOSED")


async def enroll(
    session: AsyncSession,
    section: Section,
    student_ids: Sequence[int],
    *,
    waitlist: bool,
    by: int,
    reason: str,
) -> list[EnrollResult]:
    """What becomes of each student, in the order sent; the section is locked.

    Seats are given in that order. Nobody is refused silently.
    """
    students = await _students(session, student_ids)
    stored = await _stored(session, section.id, student_ids)
    lacking = await _lacking(session, section.course_id, student_ids)
    free = section.capacity - section.enrolled_count
    results = []
    for id_ in student_ids:
        row = stored.get(id_)
        refusal = _refused(students.get(id_), row, lacking.get(id_), free, waitlist=waitlist)
        if refusal is not None:
            results.append(EnrollResult(student=id_, code=refusal.code, message=refusal.message))
            continue
        status = S.ENROLLED if free > 0 else S.WAITLISTED
        free -= status is S.ENROLLED
        found = row or Enrollment(section_id=section.id, student_id=id_)
        await _move(session, found, status, by=by, reason=reason)
        results.append(EnrollResult(student=id_, enrollment=found.id, status=status))
    log.info("enrolled", section_id=section.id, students=len(results))
    return results


def _refused(
    student: Row[int, str, str] | None,
    row: Enrollment | None,
    lacking: list[str] | None,
    free: int,
    *,
    waitlist: bool,
) -> Refusal | None:
    """The first rule that keeps a student out; None when there is none."""
    wanted = S.ENROLLED if free > 0 else S.WAITLISTED
    if student is None:
        return Refusal("NOT_FOUND", "There is no such student.")
    if student.status != StudentStatus.ACTIVE:
        return Refusal("STUDENT_NOT_ACTIVE", f"{student.reg_no} is {student.status}.")
    if row is not None and not may_become(S(row.status), wanted):
        return Refusal(
            "DUPLICATE_ENROLLMENT", f"{student.reg_no} is in this section already: {row.status}."
        )
    if lacking:
        return Refusal(
            "PREREQUISITES_MISSING", f"{student.reg_no} has not passed {', '.join(lacking)}."
        )
    if free <= 0 and not waitlist:
        return Refusal("SECTION_FULL", "There is no free seat; send waitlist to wait for one.")
    return None


async def _students(session: AsyncSession, ids: Sequence[int]) -> dict[int, Row[int, str, str]]:
    rows = await session.execute(
        select(Student.id, Student.reg_no, Student.status).where(Student.id.in_(ids))
    )
    return {row.id: row for row in rows}


async def _stored(
    session: AsyncSession, section_id: int, ids: Sequence[int]
) -> dict[int, Enrollment]:
    rows = await session.scalars(
        select(Enrollment).where(
            Enrollment.section_id == section_id, Enrollment.student_id.in_(ids)
        )
    )
    return {row.student_id: row for row in rows}


async def _lacking(
    session: AsyncSession, course_id: int, ids: Sequence[int]
) -> dict[int, list[str]]:
    """Codes of the prerequisites that each student has not passed in a released result."""
    passed = exists().where(
        Result.student_id == Student.id,
        Result.exam_id == Exam.id,
        Exam.course_id == CoursePrerequisite.prerequisite_id,
        Result.status.in_(RELEASED),
        Result.final_outcome == Outcome.PASS,
    )
    rows = await session.execute(
        select(Student.id, func.array_agg(Course.code))
        .select_from(CoursePrerequisite)
        .join(Course, Course.id == CoursePrerequisite.prerequisite_id)
        .join(Student, Student.id.in_(ids))
        .where(CoursePrerequisite.course_id == course_id, ~passed)
        .group_by(Student.id)
    )
    return {id_: sorted(codes) for id_, codes in rows}


async def _move(
    session: AsyncSession, row: Enrollment, status: S, *, by: int | None, reason: str
) -> None:
    """Gives ``row`` its new status and its history a line."""
    old, at = row.status, now()
    row.status = status
    if status in (S.ENROLLED, S.WAITLISTED):
        row.ended_at = None
        if status is S.ENROLLED:
            row.enrolled_at = at
        if old != S.WAITLISTED:
            row.requested_at = at
    else:
        row.ended_at = at
    session.add(row)
    await session.flush()
    session.add(
        EnrollmentEvent(
            enrollment_id=row.id, from_status=old, to_status=status, reason=reason, by_id=by
        )
    )
    await session.flush()


async def leave(session: AsyncSession, id_: int, status: S, *, by: int, reason: str) -> None:
    """Drops or withdraws, and gives the seat to who waits longest.

    Raises ``NotFound``, and ``Conflict`` when the enrolment cannot become ``status``.
    """
    section_id = await session.scalar(select(Enrollment.section_id).where(Enrollment.id == id_))
    if section_id is None:
        raise not_found("enrolment")
    section = await locked_section(session, section_id)
    row = (await session.scalars(select(Enrollment).where(Enrollment.id == id_))).one()
    if not may_become(S(row.status), status):
        text = f"An enrolment that is {row.status} cannot become {status}."
        raise Conflict(text, code="ENROLLMENT_TRANSITION")
    await _move(session, row, status, by=by, reason=reason)
    await promote(session, section)


async def promote(session: AsyncSession, section: Section) -> None:
    """Fills free seats from the waitlist, the longest wait first; the section is locked."""
    period = await session.get(AcademicPeriod, section.academic_period_id)
    await session.refresh(section, ["enrolled_count", "capacity"])
    free = section.capacity - section.enrolled_count
    if free <= 0 or period is None or not period.is_enrollment_open:
        return
    waiting = await session.scalars(
        select(Enrollment)
        .where(Enrollment.section_id == section.id, Enrollment.status == S.WAITLISTED)
        .order_by(Enrollment.requested_at, Enrollment.id)
        .limit(free)
    )
    for row in waiting.all():
        await _move(session, row, S.ENROLLED, by=None, reason="A seat became free")
        log.info("promoted from the waitlist", section_id=section.id, enrollment_id=row.id)
