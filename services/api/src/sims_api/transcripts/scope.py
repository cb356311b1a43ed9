"""Which transcripts and requests an actor reaches."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select

from sims_api.auth.actor import Actor
from sims_core.models import Student, TranscriptRequest

VIEW = "transcripts.transcripts.view"
VIEW_OWN = "transcripts.transcripts.view_own"
REQUEST = "transcripts.transcripts.request"
REQUEST_OWN = "transcripts.transcripts.request_own"


def requests_of(actor: Actor) -> ColumnElement[bool] | None:
    """All for those who may request any; else those made by, or about, the actor."""
    if actor.can(REQUEST):
        return None
    own = select(Student.id).where(Student.user_id == actor.user_id)
    return or_(
        TranscriptRequest.requested_by_id == actor.user_id,
        TranscriptRequest.student_id.in_(own),
    )
