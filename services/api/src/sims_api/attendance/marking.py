"""Entering attendance of one session: the rules, in one place for roster, correction and CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import CompoundSelect, and_, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.attendance import schemas as s
from sims_api.attendance.scope import CORRECT
from sims_api.auth.actor import Actor
from sims_api.broken_rules import term_closed
from sims_common.clock import now, today
from sims_common.errors import Conflict, FieldError, ValidationFailed
from sims_common.logs import get_logger
from sims_core import settings_data
from sims_core.domain.attendance import AttendanceStatus, Entry, entry, session_day
from sims_core.domain.enrollment import PRESENT_IN_SECTION
from sims_core.domain.students import LeaveStatus
from sims_core.models import (
    AcademicPeriod,
    Attendance,
    AttendanceChange,
    ClassSession,
    Enrollment,
    LeavePeriod,
    Section,
    Student,
)

log = get_logger(__name__)


@dataclass(frozen=True)
class Entered:
    created: int
    updated: int
    total: int


async def what_it_takes(session: AsyncSession, row: ClassSession, zone: ZoneInfo) -> Entry:
    """What entering attendance of this session takes today."""
    settings = await settings_data.load(session)
    day = session_day(row.starts_at, zone)
    return entry(day, today(zone), settings.attendance_lock_days)


async def check_entry(
    session: AsyncSession,
    row: ClassSession,
    zone: ZoneInfo,
    actor: Actor,
    *,
    past: bool,
    day: date | None = None,
) -> None:
    """Raises ``Conflict`` or ``ValidationFailed`` when this session cannot be entered now.

    ``past``: whether the caller has a right and a reason for a day that is over; a locked
    day takes the right to correct everywhere.
    """
    if row.status == "CANCELLED":
        raise Conflict("The session is cancelled.", code="SESSION_CANCELLED")
    if day is not None and day != session_day(row.starts_at, zone):
        text = f"The session is on {session_day(row.starts_at, zone)}."
        raise ValidationFailed(text, errors=[FieldError("/date", "DATE_MISMATCH", text)])
    match await what_it_takes(session, row, zone):
        case Entry.NOT_YET:
            raise Conflict("The session's day has not come yet.", code="SESSION_NOT_YET")
        case Entry.NEEDS_REASON if not past:
            raise Conflict(
                f"The day is over: send a reason to /api/attendance/sessions/{row.id}/correct/.",
                code="REASON_REQUIRED",
            )
        case Entry.LOCKED if not (past and actor.can(CORRECT)):
            raise Conflict(
                "Attendance of this day is locked; ask the registrar.", code="ATTENDANCE_LOCKED"
            )
        case _:
            pass
    await _require_open(session, row)


async def _require_open(session: AsyncSession, row: ClassSession) -> None:
    """Told before rows are written; that none is, the database sees to."""
    statement = (
        select(AcademicPeriod.name)
        .join(Section, Section.academic_period_id == AcademicPeriod.id)
        .where(Section.id == row.section_id, AcademicPeriod.status == "CLOSED")
    )
    closed = await session.scalar(statement)
    if closed is not None:
        raise term_closed(closed)


async def roster(session: AsyncSession, row: ClassSession, zone: ZoneInfo) -> list[s.RosterRow]:
    """Who is in the section, and who has an entry though no longer in it, by number."""
    day = session_day(row.starts_at, zone)
    on_leave = exists().where(
        LeavePeriod.student_id == Student.id,
        LeavePeriod.status.in_((LeaveStatus.APPROVED, LeaveStatus.COMPLETED)),
        LeavePeriod.start_date <= day,
        LeavePeriod.end_date >= day,
    )
    rows = await session.execute(
        select(Student.id, Student.reg_no, Student.name, Attendance.status, on_leave)
        .outerjoin(
            Attendance, and_(Attendance.session_id == row.id, Attendance.student_id == Student.id)
        )
        .where(Student.id.in_(_reached(row)))
        .order_by(Student.reg_no)
    )
    return [
        s.RosterRow(
            student_id=id_,
            reg_no=reg_no,
            name=name,
            status=status,
            default_status=AttendanceStatus.LEAVE if leave else AttendanceStatus.PRESENT,
        )
        for id_, reg_no, name, status, leave in rows
    ]


def _reached(row: ClassSession) -> CompoundSelect[int]:
    enrolled = select(Enrollment.student_id).where(
        Enrollment.section_id == row.section_id, Enrollment.status.in_(PRESENT_IN_SECTION)
    )
    return enrolled.union(select(Attendance.student_id).where(Attendance.session_id == row.id))


async def enter(
    session: AsyncSession,
    row: ClassSession,
    marks: Sequence[s.Mark],
    actor: Actor,
    *,
    reason: str,
    default: AttendanceStatus | None = None,
    late: bool = False,
) -> Entered:
    """Writes the entries, all or none; the session is locked by the caller.

    Each change, and with ``late`` each entry, leaves a line of history with the reason.
    Raises ``ValidationFailed`` that names who is not in the section, who is named twice, or
    that a change lacks its reason.
    """
    stored = await _stored(session, row.id)
    wanted = _wanted(marks, await _students(session, row) | stored.keys())
    if default is not None:
        for student_id in await _students(session, row):
            if student_id not in stored:
                wanted.setdefault(student_id, default)
    new = {id_: status for id_, status in wanted.items() if id_ not in stored}
    changed = {
        id_: status for id_, status in wanted.items() if id_ in stored and stored[id_][1] != status
    }
    if changed and not reason:
        text = "Say why what is entered already is changed."
        raise ValidationFailed(
            text, code="REASON_REQUIRED", errors=[FieldError("/reason", "REASON_REQUIRED", text)]
        )
    ids = await _insert(session, row.id, new, actor)
    await _change(session, {stored[id_][0]: status for id_, status in changed.items()}, actor)
    history: list[tuple[int, str | None, str]] = [
        (stored[id_][0], stored[id_][1], status) for id_, status in changed.items()
    ]
    if late:
        history += [(ids[id_], None, status) for id_, status in new.items()]
    await _record(session, history, actor, reason)
    await session.execute(
        update(ClassSession)
        .where(ClassSession.id == row.id)
        .values(roster_version=ClassSession.roster_version + 1)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(row, ["roster_version"])
    log.info("attendance entered", session_id=row.id, created=len(new), updated=len(changed))
    return Entered(len(new), len(changed), len(stored) + len(new))


def _wanted(marks: Sequence[s.Mark], reached: set[int]) -> dict[int, AttendanceStatus]:
    found: dict[int, AttendanceStatus] = {}
    errors = []
    for number, mark in enumerate(marks):
        where = f"/attendance/{number}/student_id"
        if mark.student_id not in reached:
            text = "The student is not in this section."
            errors.append(FieldError(where, "NOT_IN_SECTION", text))
        elif mark.student_id in found:
            errors.append(FieldError(where, "DUPLICATE", "The student is named twice."))
        found[mark.student_id] = mark.status
    if errors:
        text = f"{len(errors)} entries are wrong; nothing was written."
        raise ValidationFailed(text, errors=errors)
    return found


async def _students(session: AsyncSession, row: ClassSession) -> set[int]:
    statement = select(Enrollment.student_id).where(
        Enrollment.section_id == row.section_id, Enrollment.status.in_(PRESENT_IN_SECTION)
    )
    return set(await session.scalars(statement))


async def _stored(session: AsyncSession, session_id: int) -> dict[int, tuple[int, str]]:
    """student → (id of the entry, code)"""
    rows = await session.execute(
        select(Attendance.student_id, Attendance.id, Attendance.status).where(
            Attendance.session_id == session_id
        )
    )
    return {student_id: (id_, status) for student_id, id_, status in rows}


async def _insert(
    session: AsyncSession, session_id: int, new: Mapping[int, AttendanceStatus], actor: Actor
) -> dict[int, int]:
    if not new:
        return {}
    rows = [
        {
            "session_id": session_id,
            "student_id": student_id,
            "status": status,
            "marked_by_id": actor.user_id,
        }
        for student_id, status in sorted(new.items())
    ]
    written = await session.execute(
        insert(Attendance).values(rows).returning(Attendance.student_id, Attendance.id)
    )
    return {row.student_id: row.id for row in written}


async def _change(
    session: AsyncSession, changed: Mapping[int, AttendanceStatus], actor: Actor
) -> None:
    """One statement a code."""
    for status in set(changed.values()):
        ids = [id_ for id_, wanted in changed.items() if wanted == status]
        await session.execute(
            update(Attendance)
            .where(Attendance.id.in_(ids))
            .values(status=status, marked_by_id=actor.user_id, marked_at=func.now())
            .execution_options(synchronize_session=False)
        )


async def _record(
    session: AsyncSession,
    history: Sequence[tuple[int, str | None, str]],
    actor: Actor,
    reason: str,
) -> None:
    if not history:
        return
    await session.execute(
        insert(AttendanceChange).values(
            [
                {
                    "attendance_id": id_,
                    "from_status": old,
                    "to_status": new,
                    "reason": reason,
                    "by_id": actor.user_id,
                    "at": now(),
                }
                for id_, old, new in history
            ]
        )
    )
