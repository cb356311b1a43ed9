"""Attendance of one session from CSV: previewed, then entered like a roster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Form, Request
from pydantic import field_validator
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.attendance import marking
from sims_api.attendance import schemas as s
from sims_api.attendance import scope as sc
from sims_api.auth.actor import Actor, CurrentActor
from sims_api.database import Db
from sims_api.fields import MAX_ID, Code, Digits, Input, Line
from sims_api.imports.importer import UPSERT, Applied, CellError, Change, Commit, Importer, Planner
from sims_api.imports.routes import router_of
from sims_common.errors import Conflict
from sims_core.domain.attendance import AttendanceStatus, Entry
from sims_core.models import ClassSession


class AttendanceRow(Input):
    reg_no: Code
    status: AttendanceStatus

    @field_validator("status", mode="before")
    @classmethod
    def _any_case(cls, value: str) -> str:
        return value.strip().upper()


async def context(
    request: Request,
    session: Db,
    actor: CurrentActor,
    session_id: Annotated[int, Form(ge=1, le=MAX_ID), Digits],
    reason: Annotated[Line | None, Form(description="for a past day, and for changes")] = None,
) -> dict[str, Any]:
    """The session as it is now. Raises as entering it by roster would."""
    row = await sc.session_to_mark(session, session_id, actor, sc.MARK)
    await _check(request, session, row, actor, reason)
    zone = request.app.state.settings.time_zone
    return {
        "session_id": row.id,
        "roster_version": row.roster_version,
        "reason": reason or "",
        "time_zone": zone,
    }


async def _check(
    request: Request, session: AsyncSession, row: ClassSession, actor: Actor, reason: str | None
) -> None:
    may_correct = actor.can(sc.CORRECT) or actor.can(sc.CORRECT_OWN)
    zone = request.app.state.settings.zone
    await marking.check_entry(session, row, zone, actor, past=bool(reason) and may_correct)


async def prepare(
    session: AsyncSession, _rows: Sequence[Any], context: Mapping[str, Any], _actor: Actor
) -> Planner:
    row = await session.get_one(ClassSession, context["session_id"])
    zone = ZoneInfo(context["time_zone"])
    known = {entry.reg_no: entry for entry in await marking.roster(session, row, zone)}

    def plan(row: Any) -> Change | list[CellError]:
        entry = known.get(row.reg_no)
        if entry is None:
            return [CellError("reg_no", f"{row.reg_no} is not in this section")]
        stored = {"status": str(entry.status)} if entry.status else None
        if stored and stored["status"] != row.status and not context["reason"]:
            return [CellError("status", f"is {entry.status} already; send a reason to change it")]
        return Change({"status": str(row.status)}, stored, {"student_id": entry.student_id})

    return plan


async def apply(commit: Commit) -> Applied:
    """Raises ``Conflict`` when the session was entered or changed since the preview."""
    context, session = commit.context, commit.session
    row = await sc.session_to_mark(session, context["session_id"], commit.actor, sc.MARK, lock=True)
    if row.roster_version != context["roster_version"]:
        raise Conflict("The roster was changed since; preview again.", code="VERSION_MISMATCH")
    zone = ZoneInfo(context["time_zone"])
    past = bool(context["reason"])
    await marking.check_entry(session, row, zone, commit.actor, past=past)
    marks = [
        s.Mark(student_id=values["student_id"], status=values["status"])
        for values in (*commit.created, *commit.updated)
    ]
    late = await marking.what_it_takes(session, row, zone) is not Entry.FREE
    entered = await marking.enter(
        session, row, marks, commit.actor, reason=context["reason"], late=late
    )
    return Applied(entered.created, entered.updated)


ATTENDANCE_IMPORT = Importer(
    name="attendance",
    path="attendance/import",
    permission=sc.IMPORT,
    row=AttendanceRow,
    key=("reg_no",),
    prepare=prepare,
    apply=apply,
    modes=(UPSERT,),
    explain={"status": "{value} is not one of " + ", ".join(AttendanceStatus)},
    context=context,
    form_fields=("session_id", "reason"),
)

router = router_of(ATTENDANCE_IMPORT)
