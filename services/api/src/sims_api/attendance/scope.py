"""Which attendance an actor reaches, and which sessions the actor may enter it for."""

from __future__ import annotations

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.academics.scope import taught_by
from sims_api.auth.actor import Actor
from sims_api.problems import not_found
from sims_core.models import Attendance, ClassSession, Section, SectionTeacher, Student

VIEW = "attendance.attendances.view"
VIEW_OWN = "attendance.attendances.view_own"
MARK = "attendance.attendances.mark"
MARK_OWN = "attendance.attendances.mark_own"
CORRECT = "attendance.attendances.correct"
CORRECT_OWN = "attendance.attendances.correct_own"
IMPORT = "attendance.attendances.import"
ELIGIBILITY = "attendance.eligibility.view"
ELIGIBILITY_OWN = "attendance.eligibility.view_own"


def _held_by(user_id: int) -> ColumnElement[bool]:
    """Sessions that the user holds, or whose section the user teaches."""
    return or_(ClassSession.teacher_id == user_id, ClassSession.section_id.in_(taught_by(user_id)))


def attendance_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``; else that of the sessions held, and the own while students may see it."""
    if actor.can(VIEW):
        return None
    held = select(ClassSession.id).where(_held_by(actor.user_id))
    own = Attendance.student_id == actor.student_id if actor.portal_attendance else false()
    return or_(Attendance.session_id.in_(held), own)


async def session_to_mark(
    session: AsyncSession, id_: int, actor: Actor, everywhere: str, *, lock: bool = False
) -> ClassSession:
    """The session, any with the permission ``everywhere``, else one that the actor holds.

    Raises ``NotFound``.
    """
    statement = select(ClassSession).where(ClassSession.id == id_)
    if not actor.can(everywhere):
        statement = statement.where(_held_by(actor.user_id))
    if lock:
        statement = statement.with_for_update(key_share=True)
    found = (await session.scalars(statement)).one_or_none()
    if found is None:
        raise not_found("session")
    return found


async def check_section(session: AsyncSession, section_id: int, actor: Actor) -> None:
    """Raises ``NotFound`` unless the whole section may be seen."""
    statement = select(Section.id).where(Section.id == section_id)
    if not actor.can(ELIGIBILITY):
        statement = statement.join(SectionTeacher, SectionTeacher.section_id == Section.id).where(
            SectionTeacher.user_id == actor.user_id
        )
    if await session.scalar(statement) is None:
        raise not_found("section")


async def check_student(
    session: AsyncSession, section_id: int, student_id: int, actor: Actor
) -> None:
    """Raises ``NotFound`` unless this student's attendance in this section may be seen."""
    if student_id == actor.student_id and actor.portal_attendance:
        if await session.get(Section, section_id) is None:
            raise not_found("section")
        return
    await check_section(session, section_id, actor)
    if await session.scalar(select(Student.id).where(Student.id == student_id)) is None:
        raise not_found("student")
