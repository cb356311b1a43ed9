"""Which sessions are somebody's own."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_

from sims_api.academics.scope import taken_by, taught_by
from sims_api.auth.actor import Actor
from sims_core.models import ClassSession

VIEW = "timetable.sessions.view"
VIEW_OWN = "timetable.sessions.view_own"


def own_sessions(user_id: int, student_id: int | None) -> ColumnElement[bool]:
    """Those that the user holds, or whose section the user teaches or takes."""
    return or_(
        ClassSession.teacher_id == user_id,
        ClassSession.section_id.in_(taught_by(user_id)),
        ClassSession.section_id.in_(taken_by(student_id)),
    )


def sessions_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``, else the own ones."""
    if actor.can(VIEW):
        return None
    return own_sessions(actor.user_id, actor.student_id)
