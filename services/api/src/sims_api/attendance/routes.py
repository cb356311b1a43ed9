"""Routes of entering attendance: roster, mark, correct, history."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from sqlalchemy import ColumnElement, Select, select

from sims_api.attendance import marking
from sims_api.attendance import schemas as s
from sims_api.attendance import scope as sc
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import RowNumber
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.resource import Id, Resource, find
from sims_api.timetable.schemas import Instant
from sims_api.versions import IfMatch, etag, require_match
from sims_core.domain.attendance import AttendanceStatus, session_day
from sims_core.models import Attendance, AttendanceChange, ClassSession, Student, User

router = APIRouter(prefix="/api/attendance", tags=["attendance"], route_class=StrictRoute)


def _zone(request: Request) -> ZoneInfo:
    found: ZoneInfo = request.app.state.settings.zone
    return found


@router.get("/sessions/{id}/roster/")
async def roster(
    request: Request,
    response: Response,
    session: Db,
    actor: Annotated[Actor, allow(sc.MARK, own=sc.MARK_OWN)],
    id: Id,  # noqa: A002 (the parameter's public name)
) -> s.Roster:
    """Who is in the session's section, with what is entered; its ETag goes with the marks."""
    row = await sc.session_to_mark(session, id, actor, sc.MARK)
    response.headers["ETag"] = etag(row.roster_version)
    return s.Roster(
        session=id,
        section=row.section_id,
        date=session_day(row.starts_at, _zone(request)),
        entry=await marking.what_it_takes(session, row, _zone(request)),
        students=await marking.roster(session, row, _zone(request)),
    )


@router.post("/sessions/{id}/mark/", response_model=s.Marked)
async def mark(
    request: Request,
    session: Db,
    actor: Annotated[Actor, allow(sc.MARK, own=sc.MARK_OWN)],
    once: AtMostOnce,
    id: Id,  # noqa: A002
    body: s.Marks,
    if_match: IfMatch = None,
) -> Any:
    """Enters a roster on the session's day. Once entered, ``If-Match`` is needed."""

    async def record() -> s.Marked:
        row = await sc.session_to_mark(session, id, actor, sc.MARK, lock=True)
        require_match(if_match, row.roster_version, mandatory=row.roster_version > 0)
        await marking.check_entry(session, row, _zone(request), actor, past=False, day=body.date)
        entered = await marking.enter(
            session,
            row,
            body.attendance,
            actor,
            reason=body.reason or "",
            default=body.default_status,
        )
        return _marked(row, entered)

    return await once.run(record, status=200, etag=_etag)


@router.post("/sessions/{id}/correct/", response_model=s.Marked)
async def correct(
    request: Request,
    session: Db,
    actor: Annotated[Actor, allow(sc.CORRECT, own=sc.CORRECT_OWN)],
    once: AtMostOnce,
    id: Id,  # noqa: A002
    body: s.Correction,
    if_match: IfMatch = None,
) -> Any:
    """Enters or changes attendance of a day that is over, with a reason and ``If-Match``."""

    async def record() -> s.Marked:
        row = await sc.session_to_mark(session, id, actor, sc.CORRECT, lock=True)
        require_match(if_match, row.roster_version, mandatory=True)
        await marking.check_entry(session, row, _zone(request), actor, past=True, day=body.date)
        entered = await marking.enter(
            session, row, body.attendance, actor, reason=body.reason, late=True
        )
        return _marked(row, entered)

    return await once.run(record, status=200, etag=_etag)


def _marked(row: ClassSession, entered: marking.Entered) -> s.Marked:
    return s.Marked(
        session=row.id,
        created=entered.created,
        updated=entered.updated,
        total=entered.total,
        roster_version=row.roster_version,
    )


def _etag(out: s.Marked) -> str:
    return etag(out.roster_version)


def _joins(statement: Select[Any]) -> Select[Any]:
    return statement.join(ClassSession, Attendance.session_id == ClassSession.id).join(
        Student, Attendance.student_id == Student.id
    )


def _sessions(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return Attendance.session_id.in_(select(ClassSession.id).where(condition))


def _add_history(router: APIRouter) -> None:
    @router.get("/{id}/history/", response_model=list[s.ChangeOut])
    async def history(
        session: Db,
        actor: Annotated[Actor, allow(sc.VIEW, own=sc.VIEW_OWN)],
        id: Id,  # noqa: A002
    ) -> Any:
        """What was entered late or changed, oldest first: who, when, why."""
        await find(session, ATTENDANCE, id, actor)
        c = AttendanceChange
        rows = await session.execute(
            select(c.from_status, c.to_status, c.reason, User.username.label("by"), c.at)
            .join(User, c.by_id == User.id)
            .where(c.attendance_id == id)
            .order_by(c.id)
        )
        return [s.ChangeOut.model_validate(row) for row in rows]


ATTENDANCE = Resource(
    name="attendance",
    path="attendance",
    tag="attendance",
    model=Attendance,
    out=s.AttendanceOut,
    permission="attendance.attendances",
    own_view=sc.VIEW_OWN,
    scope=sc.attendance_of,
    orderings={"id": Attendance.id},
    default_ordering="-id",
    filters={
        "session": Attendance.session_id,
        "student": Attendance.student_id,
        "status": Attendance.status,
    },
    choices={"status": tuple(AttendanceStatus)},
    criteria={
        "in_section": (RowNumber, lambda id_: _sessions(ClassSession.section_id == id_)),
        "starts_from": (Instant, lambda at: _sessions(ClassSession.starts_at >= at)),
        "starts_before": (Instant, lambda at: _sessions(ClassSession.starts_at < at)),
    },
    related={
        "section": ClassSession.section_id,
        "starts_at": ClassSession.starts_at,
        "reg_no": Student.reg_no,
        "student_name": Student.name,
    },
    joins=_joins,
    extend=_add_history,
)
