"""Which students an actor reaches."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from sims_api.auth.actor import Actor
from sims_core.models import Student

VIEW = "students.students.view"
VIEW_OWN = "students.students.view_own"


def students_of(actor: Actor, view: str = VIEW) -> ColumnElement[bool] | None:
    """All (None) with ``view``, else the actor's own record."""
    if actor.can(view):
        return None
    return Student.user_id == actor.user_id
