"""Which results an actor reaches: said once, for lists, records, marks and changes."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, or_

from sims_api.auth.actor import Actor
from sims_api.exams.scope import MARKS_VIEW_OWN, in_taught_sections
from sims_core.domain.results import RELEASED
from sims_core.models import Result

VIEW = "results.result_headers.view"
VIEW_OWN = "results.result_headers.view_own"


def results_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``; else the own ones once released (no student sees a draft) unless the
    institution has switched results off, and for who teaches those of the sections taught.

    Only what applies is asked for: an OR with the other case would cost a student the index.
    """
    if actor.can(VIEW):
        return None
    found: list[ColumnElement[bool]] = []
    if actor.student_id is not None and actor.portal_results:
        found.append(and_(Result.student_id == actor.student_id, Result.status.in_(RELEASED)))
    if actor.can(MARKS_VIEW_OWN):
        found.append(in_taught_sections(actor))
    return or_(*found) if found else false()
