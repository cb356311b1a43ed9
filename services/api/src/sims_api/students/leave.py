"""Leave periods: asked for, then approved or rejected by somebody else."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter
from pydantic import StringConstraints, model_validator
from sqlalchemy import ColumnElement, exists, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.database import Db
from sims_api.fields import Day, Input, Line, Output, RowId
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Id, Resource, find, router_of
from sims_api.students.scope import students_of
from sims_api.versions import IfMatch, require_match
from sims_common.clock import now
from sims_common.errors import Conflict, PermissionDenied
from sims_core.domain.students import LEAVE_NEXT, LEAVE_TYPES, LeaveStatus, counts_toward_graduation
from sims_core.models import LeavePeriod, Student

VIEW = "students.leave_periods.view"
VIEW_OWN = "students.leave_periods.view_own"
CREATE = "students.leave_periods.create"
CREATE_OWN = "students.leave_periods.create_own"
DECIDE = "students.leave_periods.decide"

LeaveType = Literal["medical", "personal", "academic", "absence"]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class LeaveIn(Input):
    student: RowId
    type: LeaveType
    start_date: Day
    end_date: Day
    reason: Reason

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end_date < self.start_date:
            raise ValueError("end_date is before start_date")
        return self


class LeaveDecision(Input):
    status: Literal["approved", "rejected", "completed"]
    note: Line | None = None


class LeaveOut(Output):
    id: int
    student: int
    reg_no: str
    student_name: str
    type: LeaveType
    start_date: date
    end_date: date
    reason: str
    status: LeaveStatus
    requested_by: int
    approved_by: int | None
    decided_at: datetime | None
    decision_note: str
    counts_toward_graduation: bool
    version: int


def leave_of(actor: Actor) -> ColumnElement[bool] | None:
    if actor.can(VIEW):
        return None
    return LeavePeriod.student_id == actor.student_id


_COUNTING = [kind for kind in LEAVE_TYPES if counts_toward_graduation(kind)]


def _add_routes(router: APIRouter) -> None:
    @router.post("/", status_code=201, response_model=LeaveOut)
    async def ask(
        session: Db,
        actor: Annotated[Actor, allow(CREATE, own=CREATE_OWN)],
        once: AtMostOnce,
        body: LeaveIn,
    ) -> Any:
        """Records leave that is pending until somebody decides."""

        async def record() -> LeaveOut:
            await _reachable(session, body.student, actor)
            values = body.model_dump()
            student_id = values.pop("student")
            row = LeavePeriod(student_id=student_id, requested_by_id=actor.user_id, **values)
            session.add(row)
            await session.flush()
            return LeaveOut.model_validate(await find(session, LEAVE, row.id, actor))

        return await once.run(
            record,
            location=lambda out: f"/api/leave-periods/{out.id}/",
            etag=LEAVE.etag,
        )

    @router.post("/{id}/decide/", response_model=LeaveOut)
    async def decide(
        session: Db,
        actor: Annotated[Actor, allow(DECIDE)],
        id: Id,  # noqa: A002 (the parameter's public name)
        body: LeaveDecision,
        if_match: IfMatch = None,
    ) -> Any:
        """Approves, rejects or completes a leave period that one did not ask for oneself."""
        statement = select(LeavePeriod).where(LeavePeriod.id == id).with_for_update()
        leave = (await session.scalars(statement)).one_or_none()
        if leave is None:
            raise not_found("leave period")
        require_match(if_match, leave.version)
        wanted = LeaveStatus(body.status)
        if leave.requested_by_id == actor.user_id and wanted is LeaveStatus.APPROVED:
            raise PermissionDenied("Somebody else approves what you asked for.", code="OWN_REQUEST")
        if wanted not in LEAVE_NEXT[LeaveStatus(leave.status)]:
            raise Conflict(f"{leave.status} leave cannot become {wanted}.", code="LEAVE_TRANSITION")
        leave.status, leave.decided_at = wanted, now()
        leave.approved_by_id, leave.decision_note = actor.user_id, body.note or ""
        await session.flush()
        return await find(session, LEAVE, id, actor)


async def _reachable(session: AsyncSession, student_id: int, actor: Actor) -> None:
    """Raises ``NotFound`` for a student that the actor may not ask leave for."""
    visible = students_of(actor, CREATE)
    statement = exists().where(Student.id == student_id)
    found = await session.scalar(select(statement if visible is None else statement.where(visible)))
    if not found:
        raise not_found("student")


LEAVE = Resource(
    name="leave period",
    path="leave-periods",
    tag="students",
    model=LeavePeriod,
    out=LeaveOut,
    permission="students.leave_periods",
    own_view=VIEW_OWN,
    scope=leave_of,
    orderings={"id": LeavePeriod.id, "start_date": LeavePeriod.start_date},
    default_ordering="-start_date",
    filters={
        "student": LeavePeriod.student_id,
        "type": LeavePeriod.type,
        "status": LeavePeriod.status,
    },
    choices={"type": LEAVE_TYPES, "status": tuple(LeaveStatus)},
    related={
        "reg_no": Student.reg_no,
        "student_name": Student.name,
        "counts_toward_graduation": LeavePeriod.type.in_([literal(kind) for kind in _COUNTING]),
    },
    joins=lambda statement: statement.join(Student, LeavePeriod.student_id == Student.id),
    extend=_add_routes,
)

router = router_of(LEAVE)
