"""What happens to a student beyond a plain change: placement, status, and its history."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.database import Db
from sims_api.fields import Input, Line, Output, RowId
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Id
from sims_api.students.acting import act_as
from sims_api.versions import IfMatch, require_match
from sims_common.errors import Conflict
from sims_core.domain.students import StudentStatus, may_become
from sims_core.models import Student, StudentStatusChange, User

PLACE = "students.students.manage_placement"
MANAGE_STATUS = "students.students.manage_status"
HISTORY = "students.students.view_history"


class Placement(Input):
    """``batch`` is of the ``program`` and ``group`` of that batch."""

    program: RowId
    batch: RowId | None = None
    group: RowId | None = None


class NewStatus(Input):
    status: StudentStatus
    reason: Line


class StatusChangeOut(Output):
    from_status: StudentStatus | None
    to_status: StudentStatus
    reason: str
    by: str | None
    at: datetime


async def locked(
    session: AsyncSession, id_: int, scope: ColumnElement[bool] | None = None
) -> Student:
    """The student, held until the transaction ends. Raises ``NotFound``."""
    statement = select(Student).where(Student.id == id_).with_for_update(key_share=True)
    if scope is not None:
        statement = statement.where(scope)
    found = (await session.scalars(statement)).one_or_none()
    if found is None:
        raise not_found("student")
    return found


def refuse_status(values: dict[str, Any], row: Student | None) -> None:
    """A status changes with a reason or not at all. Raises ``Conflict``."""
    if row is not None and values.get("status", row.status) != row.status:
        raise Conflict(
            f"Send the new status and a reason to /api/students/{row.id}/status/.",
            code="REASON_REQUIRED",
        )


def check_transition(old: str, new: str) -> None:
    if not may_become(StudentStatus(old), StudentStatus(new)):
        raise Conflict(f"Who is {old} cannot become {new}.", code="STATUS_TRANSITION")


def add_routes(router: APIRouter, out: type[BaseModel], shown: Any, place: Any) -> None:
    """``shown(session, id, actor)`` is the student as the API shows it, with its ETag set."""

    @router.patch("/{id}/placement/", response_model=out)
    async def change_placement(
        response: Response,
        session: Db,
        actor: Annotated[Actor, allow(PLACE)],
        id: Id,  # noqa: A002 (the parameter's public name)
        body: Placement,
        if_match: IfMatch = None,
    ) -> Any:
        """Puts the student into a program, batch and group that fit each other."""
        student = await locked(session, id)
        require_match(if_match, student.version)
        values = {f"{name}_id": value for name, value in body.model_dump().items()}
        await place(session, values, student, None)
        for name, value in values.items():
            setattr(student, name, value)
        await session.flush()
        return await shown(response, session, id, actor)

    @router.post("/{id}/status/", response_model=out)
    async def change_status(
        response: Response,
        session: Db,
        actor: Annotated[Actor, allow(MANAGE_STATUS)],
        id: Id,  # noqa: A002
        body: NewStatus,
        if_match: IfMatch = None,
    ) -> Any:
        """Changes the status, if it may follow the present one; the reason is kept."""
        student = await locked(session, id)
        require_match(if_match, student.version)
        check_transition(student.status, body.status)
        await act_as(session, actor, body.reason)
        student.status = body.status
        await session.flush()
        return await shown(response, session, id, actor)

    @router.get("/{id}/status-history/", response_model=list[StatusChangeOut])
    async def status_history(
        session: Db,
        _actor: Annotated[Actor, allow(HISTORY)],
        id: Id,  # noqa: A002
    ) -> Any:
        """Each status that the student had, oldest first: who, when, why."""
        if await session.get(Student, id) is None:
            raise not_found("student")
        c = StudentStatusChange
        rows = await session.execute(
            select(c.from_status, c.to_status, c.reason, User.username.label("by"), c.at)
            .outerjoin(User, c.by_id == User.id)
            .where(c.student_id == id)
            .order_by(c.id)
        )
        return [StatusChangeOut.model_validate(row) for row in rows]
