"""Two sessions want the same room, teacher or group: the database refuses, here it is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.errors import ExclusionViolation
from sqlalchemy import and_, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from sims_common.errors import Conflict
from sims_core.models import (
    Booking,
    ClassSession,
    Course,
    Group,
    Room,
    Section,
    SectionTeacher,
    User,
)

SHOWN = 20


async def store(session: AsyncSession, rows: Sequence[ClassSession], **changes: Any) -> None:
    """Writes the sessions with these changes, all or none; the exclusion constraint decides.

    Raises ``Conflict`` TIMETABLE_CLASH that names with what each of them clashes.
    """
    wanted: list[dict[str, Any]] = []
    try:
        async with session.begin_nested():
            for row in rows:
                for name, value in changes.items():
                    setattr(row, name, value)
                wanted.append(_wanted(row))
            session.add_all(rows)
            await session.flush()
    except IntegrityError as error:
        if not isinstance(error.orig, ExclusionViolation):
            raise
        raise await _named(session, wanted) from error


def _wanted(row: ClassSession) -> dict[str, Any]:
    return {
        "id": row.id,
        "section_id": row.section_id,
        "room_id": row.room_id,
        "teacher_id": row.teacher_id,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
    }


async def _named(session: AsyncSession, wanted: Sequence[dict[str, Any]]) -> Conflict:
    """What the sessions clash with: what is stored, or, when nothing is, each other."""
    clashes: list[dict[str, Any]] = []
    for one in wanted:
        clashes += await _of(session, one)
        if len(clashes) >= SHOWN:
            break
    if not clashes:
        return Conflict("The sessions clash with each other.", code="TIMETABLE_CLASH", clashes=[])
    first = clashes[0]
    return Conflict(
        f"The {first['kind']} {first['name']} is taken by {first['course']} {first['section']}"
        f" from {first['starts_at']} to {first['ends_at']}.",
        code="TIMETABLE_CLASH",
        clashes=clashes[:SHOWN],
    )


async def _of(session: AsyncSession, one: dict[str, Any]) -> list[dict[str, Any]]:
    section = await session.get(Section, one["section_id"])
    teachers = (
        [one["teacher_id"]]
        if one["teacher_id"]
        else list(
            await session.scalars(
                select(SectionTeacher.user_id).where(SectionTeacher.section_id == one["section_id"])
            )
        )
    )
    booked = [
        and_(Booking.kind == kind, Booking.resource_id.in_(ids))
        for kind, ids in (
            ("room", [one["room_id"]]),
            ("teacher", teachers),
            ("group", [section.group_id if section else None]),
        )
    ]
    during = func.tstzrange(one["starts_at"], one["ends_at"])
    names = func.coalesce(Room.code, User.username, Group.name)
    rows = await session.execute(
        select(
            Booking.kind,
            names.label("name"),
            ClassSession.id.label("session"),
            Course.code.label("course"),
            Section.name.label("section"),
            ClassSession.starts_at,
            ClassSession.ends_at,
        )
        .join(ClassSession, ClassSession.id == Booking.session_id)
        .join(Section, Section.id == ClassSession.section_id)
        .join(Course, Course.id == Section.course_id)
        .outerjoin(Room, and_(Booking.kind == "room", Room.id == Booking.resource_id))
        .outerjoin(User, and_(Booking.kind == "teacher", User.id == Booking.resource_id))
        .outerjoin(Group, and_(Booking.kind == "group", Group.id == Booking.resource_id))
        .where(or_(*booked), Booking.during.op("&&")(during), ClassSession.id != (one["id"] or 0))
        .order_by(ClassSession.starts_at, Booking.kind)
        .limit(SHOWN)
    )
    return [
        {
            **row,
            "starts_at": row["starts_at"].isoformat(),
            "ends_at": row["ends_at"].isoformat(),
        }
        for row in rows.mappings()
    ]
