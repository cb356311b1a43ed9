"""Rooms and sessions."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.database import Db
from sims_api.fields import RowNumber, partial
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Id, Resource, check_together, find
from sims_api.timetable import clashes
from sims_api.timetable import schemas as s
from sims_api.timetable.scope import VIEW_OWN, sessions_of
from sims_api.versions import IfMatch, require_match
from sims_common.errors import Conflict, FieldError, ValidationFailed
from sims_core.domain.timetable import MAX_SESSIONS, Weekly, spans
from sims_core.models import ClassSession, Course, Room, Section

CREATE = "timetable.sessions.create"
UPDATE = "timetable.sessions.update"
SessionPatch: Any = partial(s.SessionIn)

ROOMS = Resource(
    name="room",
    path="timetable/rooms",
    tag="timetable",
    model=Room,
    out=s.RoomOut,
    create=s.RoomIn,
    deletable=True,
    permission="timetable.rooms",
    orderings={"id": Room.id, "code": Room.code, "capacity": Room.capacity},
    default_ordering="code",
    filters={"building": Room.building, "is_active": Room.is_active},
)


def _joins(statement: Select[Any]) -> Select[Any]:
    return (
        statement.join(Section, ClassSession.section_id == Section.id)
        .join(Course, Section.course_id == Course.id)
        .outerjoin(Room, ClassSession.room_id == Room.id)
    )


def _sections(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return ClassSession.section_id.in_(select(Section.id).where(condition))


def _add_routes(router: APIRouter) -> None:
    _add_create(router)
    _add_series(router)
    _add_cancel(router)
    _add_move(router)


def _add_create(router: APIRouter) -> None:
    @router.post("/", status_code=201, response_model=s.SessionOut)
    async def create(
        session: Db,
        actor: Annotated[Actor, allow(CREATE)],
        once: AtMostOnce,
        body: s.SessionIn,
    ) -> Any:
        """Adds a session; 409 names what it clashes with."""

        async def record() -> s.SessionOut:
            row = ClassSession(**SESSIONS.stored(body.model_dump()))
            await clashes.store(session, [row])
            return s.SessionOut.model_validate(await find(session, SESSIONS, row.id, actor))

        return await once.run(
            record,
            location=lambda out: f"/api/timetable/sessions/{out.id}/",
            etag=SESSIONS.etag,
        )


def _add_series(router: APIRouter) -> None:
    @router.post("/series/", status_code=201, response_model=s.Series)
    async def create_series(
        request: Request,
        session: Db,
        actor: Annotated[Actor, allow(CREATE)],
        once: AtMostOnce,
        body: s.SeriesIn,
    ) -> Any:
        """Adds a weekly series, all of it or, when any of it clashes, none."""

        async def record() -> s.Series:
            series_id, rows = uuid.uuid4(), []
            (first, last), (starts, ends) = body.days, body.times
            weekly = Weekly(first, last, body.weekdays, starts, ends, body.without)
            common = body.model_dump(include={"section", "room", "teacher", "title"})
            for span in spans(weekly, request.app.state.settings.zone):
                values = {**common, "starts_at": span.starts_at, "ends_at": span.ends_at}
                rows.append(ClassSession(series_id=series_id, **SESSIONS.stored(values)))
            if not 0 < len(rows) <= MAX_SESSIONS:
                text = f"The series has {len(rows)} sessions; it needs 1 to {MAX_SESSIONS}."
                raise ValidationFailed(text, errors=[FieldError("/weekdays", "EMPTY", text)])
            await clashes.store(session, rows)
            return s.Series(
                series_id=series_id, sessions=await _of_series(session, series_id, actor)
            )

        return await once.run(record)


def _add_cancel(router: APIRouter) -> None:
    @router.post("/{id}/cancel/", response_model=s.SessionOut)
    async def cancel(
        session: Db,
        actor: Annotated[Actor, allow(UPDATE)],
        id: Id,  # noqa: A002 (the parameter's public name)
        if_match: IfMatch = None,
    ) -> Any:
        """Cancels a session: room, teacher and group are free again."""
        row = await locked(session, id)
        require_match(if_match, row.version)
        if row.status == "CANCELLED":
            raise Conflict("The session is cancelled already.", code="ALREADY_CANCELLED")
        row.status = "CANCELLED"
        await session.flush()
        return await find(session, SESSIONS, id, actor)


def _add_move(router: APIRouter) -> None:
    async def move(
        session: Db,
        actor: Annotated[Actor, allow(UPDATE)],
        id: Id,  # noqa: A002
        body: Any,
        if_match: IfMatch = None,
    ) -> Any:
        """Moves a session or gives it another room or teacher; 409 names the clash."""
        row = await locked(session, id)
        require_match(if_match, row.version)
        sent = body.model_dump(exclude_unset=True)
        present = {n: getattr(row, SESSIONS.column_name(n)) for n in s.SessionIn.model_fields}
        check_together(s.SessionIn, {**present, **sent})
        await clashes.store(session, [row], **SESSIONS.stored(sent))
        found = await find(session, SESSIONS, id, actor)
        return JSONResponse(found.model_dump(mode="json"), headers={"ETag": SESSIONS.etag(found)})

    move.__annotations__["body"] = SessionPatch  # a type made at run time
    router.patch("/{id}/", response_model=s.SessionOut)(move)


async def _of_series(
    session: AsyncSession, series_id: uuid.UUID, actor: Actor
) -> list[s.SessionOut]:
    statement = SESSIONS.listing.rows.where(ClassSession.series_id == series_id)
    visible = sessions_of(actor)
    if visible is not None:
        statement = statement.where(visible)
    rows = await session.execute(statement.order_by(ClassSession.starts_at))
    return [s.SessionOut.model_validate(row) for row in rows]


async def locked(session: AsyncSession, id_: int) -> ClassSession:
    """The session, held until the transaction ends. Raises ``NotFound``."""
    statement = select(ClassSession).where(ClassSession.id == id_)
    found = (await session.scalars(statement.with_for_update(key_share=True))).one_or_none()
    if found is None:
        raise not_found("session")
    return found


SESSIONS = Resource(
    name="session",
    path="timetable/sessions",
    tag="timetable",
    model=ClassSession,
    out=s.SessionOut,
    deletable=True,
    permission="timetable.sessions",
    own_view=VIEW_OWN,
    scope=sessions_of,
    orderings={"id": ClassSession.id, "starts_at": ClassSession.starts_at},
    default_ordering="starts_at",
    filters={
        "section": ClassSession.section_id,
        "room": ClassSession.room_id,
        "teacher": ClassSession.teacher_id,
        "status": ClassSession.status,
    },
    choices={"status": ("SCHEDULED", "CANCELLED")},
    criteria={
        "group_of": (RowNumber, lambda group: _sections(Section.group_id == group)),
        "period": (RowNumber, lambda period: _sections(Section.academic_period_id == period)),
        "starts_from": (s.Instant, lambda at: ClassSession.starts_at >= at),
        "starts_before": (s.Instant, lambda at: ClassSession.starts_at < at),
    },
    related={
        "section_name": Section.name,
        "course_code": Course.code,
        "course_name": Course.name,
        "academic_period": Section.academic_period_id,
        "group": Section.group_id,
        "room_code": Room.code,
    },
    joins=_joins,
    extend=_add_routes,
)

TIMETABLE = (ROOMS, SESSIONS)
