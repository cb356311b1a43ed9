"""A user's timetable as an iCalendar feed, under a secret address that can be taken back."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from icalendar import Calendar, Event
from pydantic import StringConstraints
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.policy import authenticated, public
from sims_api.problems import not_found
from sims_api.timetable.schemas import Feed
from sims_api.timetable.scope import own_sessions
from sims_common.clock import now
from sims_core.models import CalendarFeed, ClassSession, Course, Room, Section, Student, User

PAST = timedelta(days=60)
AHEAD = timedelta(days=400)
TOKEN_BYTES = 32
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$"), Path()]
_ICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}
}

router = APIRouter(prefix="/api/timetable", tags=["timetable"], route_class=StrictRoute)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@router.post("/feed/", status_code=201)
async def make_feed(
    request: Request, session: Db, actor: Annotated[Actor, authenticated()]
) -> Feed:
    """A new address of the own calendar; the one before stops working."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    values = {"token_hash": _hash(token), "created_at": now()}
    await session.execute(
        insert(CalendarFeed)
        .values(user_id=actor.user_id, **values)
        .on_conflict_do_update(index_elements=[CalendarFeed.user_id], set_=values)
    )
    return Feed(url=str(request.url_for("read_feed", token=token)))


@router.delete("/feed/", status_code=204)
async def revoke_feed(session: Db, actor: Annotated[Actor, authenticated()]) -> None:
    """Takes the address back; nobody reads the calendar by it any more."""
    await session.execute(delete(CalendarFeed).where(CalendarFeed.user_id == actor.user_id))


@router.get("/feeds/{token}/", dependencies=[public()], response_class=Response, responses=_ICS)
async def read_feed(request: Request, session: Db, token: Token) -> Response:
    """The calendar of whose secret address it is, for programs that cannot sign in."""
    owner = (
        await session.execute(
            select(User.id, Student.id.label("student_id"))
            .join(CalendarFeed, CalendarFeed.user_id == User.id)
            .outerjoin(Student, Student.user_id == User.id)
            .where(CalendarFeed.token_hash == _hash(token), User.is_active)
        )
    ).one_or_none()
    if owner is None:
        raise not_found("calendar")
    rows = await _sessions(session, owner.id, owner.student_id)
    settings = request.app.state.settings
    content = calendar(rows, settings.institution_name, settings.time_zone)
    headers = {"Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex"}
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


async def _sessions(session: AsyncSession, user_id: int, student_id: int | None) -> Sequence[Any]:
    at = now()
    c = ClassSession
    rows = await session.execute(
        select(
            c.id,
            c.starts_at,
            c.ends_at,
            c.title,
            c.status,
            c.version,
            c.updated_at,
            Course.code,
            Course.name,
            Section.name.label("section"),
            Room.name.label("room"),
            Room.building,
        )
        .join(Section, Section.id == c.section_id)
        .join(Course, Course.id == Section.course_id)
        .outerjoin(Room, Room.id == c.room_id)
        .where(
            own_sessions(user_id, student_id),
            c.starts_at >= at - PAST,
            c.starts_at < at + AHEAD,
        )
        .order_by(c.starts_at, c.id)
    )
    return rows.all()


def calendar(rows: Sequence[Any], institution: str, time_zone: str) -> bytes:
    """RFC 5545. Times are UTC instants, so no reader can take them for another zone's."""
    found = Calendar()
    found.add("prodid", "-//SIMS//Timetable//EN")
    found.add("version", "2.0")
    found.add("x-wr-calname", f"{institution}: timetable")
    found.add("x-wr-timezone", time_zone)
    for row in rows:
        event = Event()
        event.add("uid", f"session-{row.id}@sims")
        event.add("sequence", row.version)
        event.add("dtstamp", _utc(row.updated_at))
        event.add("dtstart", _utc(row.starts_at))
        event.add("dtend", _utc(row.ends_at))
        event.add("summary", f"{row.code} {row.name}" + (f": {row.title}" if row.title else ""))
        event.add("description", f"Section {row.section}")
        event.add("status", "CANCELLED" if row.status == "CANCELLED" else "CONFIRMED")
        if row.room:
            event.add("location", ", ".join(filter(None, (row.room, row.building))))
        found.add_component(event)
    content: bytes = found.to_ical()
    return content


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
