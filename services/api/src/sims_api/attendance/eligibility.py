"""Percentages, eligibility against the programme's threshold, exemptions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.attendance import schemas as s
from sims_api.attendance import scope as sc
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import RowNumber
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.resource import Resource, find
from sims_core.domain.attendance import Tally, is_eligible
from sims_core.domain.enrollment import PRESENT_IN_SECTION
from sims_core.models import (
    Attendance,
    AttendanceExemption,
    ClassSession,
    Enrollment,
    Program,
    Student,
)

router = APIRouter(prefix="/api/attendance", tags=["attendance"], route_class=StrictRoute)

Viewer = Annotated[Actor, allow(sc.ELIGIBILITY, own=sc.ELIGIBILITY_OWN)]
Number = Annotated[RowNumber, Query()]
Threshold = Annotated[
    Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)] | None,
    Query(description="percent; left out: that of the student's program"),
]


def _counts() -> Select[str, int]:
    return select(Attendance.status, func.count()).join(
        ClassSession, ClassSession.id == Attendance.session_id
    )


async def _tally(session: AsyncSession, section_id: int, student_id: int | None = None) -> Tally:
    statement = _counts().where(ClassSession.section_id == section_id)
    if student_id is not None:
        statement = statement.where(Attendance.student_id == student_id)
    rows = await session.execute(statement.group_by(Attendance.status))
    return Tally.of({row[0]: row[1] for row in rows})


@router.get("/percentage/")
async def percentage(
    session: Db, actor: Viewer, student_id: Number, section_id: Number
) -> s.Percentage:
    """Of the recorded sessions of a section, how many a student attended; late counts."""
    await sc.check_student(session, section_id, student_id, actor)
    tally = await _tally(session, section_id, student_id)
    return s.Percentage(percentage=tally.percentage)


@router.get("/eligibility/")
async def eligibility(
    session: Db,
    actor: Viewer,
    student_id: Number,
    section_id: Number,
    threshold: Threshold = None,
) -> s.Eligibility:
    """Whether a student attended enough of a section, or is exempt."""
    await sc.check_student(session, section_id, student_id, actor)
    tally = await _tally(session, section_id, student_id)
    known = (await session.execute(_thresholds(section_id).where(Student.id == student_id))).one()
    return s.Eligibility(**_judged(section_id, known, tally, threshold))


def _thresholds(section_id: int) -> Select[int, str, str, Decimal, str]:
    """Students with what their program asks and whether they are exempt in this section."""
    return (
        select(
            Student.id,
            Student.reg_no,
            Student.name,
            Program.attendance_threshold.label("threshold"),
            AttendanceExemption.reason.label("exemption"),
        )
        .join(Program, Program.id == Student.program_id)
        .outerjoin(
            AttendanceExemption,
            and_(
                AttendanceExemption.student_id == Student.id,
                AttendanceExemption.section_id == section_id,
            ),
        )
    )


def _judged(section_id: int, known: Any, tally: Tally, threshold: Decimal | None) -> dict[str, Any]:
    wanted = known.threshold if threshold is None else threshold
    exempt = known.exemption is not None
    return {
        "student_id": known.id,
        "section_id": section_id,
        "eligible": is_eligible(tally, wanted, exempt=exempt),
        "attendance_percentage": tally.percentage,
        "threshold": wanted,
        "recorded": tally.recorded,
        "attended": tally.attended,
        "exempt": exempt,
        "exemption_reason": known.exemption,
    }


@router.get("/section-eligibility/")
async def section_eligibility(
    session: Db, actor: Viewer, section_id: Number, threshold: Threshold = None
) -> list[s.StudentEligibility]:
    """Everybody enrolled in a section, by number, in three statements whatever its size."""
    await sc.check_section(session, section_id, actor)
    counts: dict[int, dict[str, int]] = {}
    rows = await session.execute(
        _counts()
        .add_columns(Attendance.student_id)
        .where(ClassSession.section_id == section_id)
        .group_by(Attendance.student_id, Attendance.status)
    )
    for status, n, student_id in rows:
        counts.setdefault(student_id, {})[status] = n
    enrolled = select(Enrollment.student_id).where(
        Enrollment.section_id == section_id, Enrollment.status.in_(PRESENT_IN_SECTION)
    )
    students = await session.execute(
        _thresholds(section_id).where(Student.id.in_(enrolled)).order_by(Student.reg_no)
    )
    return [_row(section_id, known, counts, threshold) for known in students.all()]


def _row(
    section_id: int,
    known: Any,
    counts: Mapping[int, Mapping[str, int]],
    threshold: Decimal | None,
) -> s.StudentEligibility:
    judged = _judged(section_id, known, Tally.of(counts.get(known.id, {})), threshold)
    return s.StudentEligibility(reg_no=known.reg_no, student_name=known.name, **judged)


@router.get("/section-summary/")
async def section_summary(session: Db, actor: Viewer, section_id: Number) -> s.SectionSummary:
    """What is recorded in a section, by code."""
    await sc.check_section(session, section_id, actor)
    tally = await _tally(session, section_id)
    return s.SectionSummary(
        section_id=section_id,
        total_records=tally.recorded,
        present_count=tally.present,
        absent_count=tally.absent,
        late_count=tally.late,
        leave_count=tally.leave,
        overall_percentage=tally.percentage,
    )


def _add_grant(router: APIRouter) -> None:
    @router.post("/", status_code=201, response_model=s.ExemptionOut)
    async def grant(
        session: Db,
        actor: Annotated[Actor, allow("attendance.exemptions.create")],
        once: AtMostOnce,
        body: s.ExemptionIn,
    ) -> Any:
        """Makes a student eligible in a section whatever the percentage, with a reason."""

        async def record() -> s.ExemptionOut:
            row = AttendanceExemption(
                section_id=body.section,
                student_id=body.student,
                reason=body.reason,
                granted_by_id=actor.user_id,
            )
            session.add(row)
            await session.flush()
            return s.ExemptionOut.model_validate(await find(session, EXEMPTIONS, row.id, actor))

        return await once.run(
            record,
            location=lambda out: f"/api/attendance/exemptions/{out.id}/",
            etag=EXEMPTIONS.etag,
        )


EXEMPTIONS = Resource(
    name="exemption",
    path="attendance/exemptions",
    tag="attendance",
    model=AttendanceExemption,
    out=s.ExemptionOut,
    deletable=True,
    permission="attendance.exemptions",
    orderings={"id": AttendanceExemption.id},
    default_ordering="-id",
    filters={
        "section": AttendanceExemption.section_id,
        "student": AttendanceExemption.student_id,
    },
    related={"reg_no": Student.reg_no},
    joins=lambda statement: statement.join(Student, AttendanceExemption.student_id == Student.id),
    extend=_add_grant,
)
