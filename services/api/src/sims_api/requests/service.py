"""Making requests and taking them through their states, with history."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.problems import not_found
from sims_api.requests import resource as r
from sims_api.versions import require_match
from sims_common.errors import Conflict, FieldError, ValidationFailed
from sims_common.logs import get_logger
from sims_core.domain.requests import RequestStatus, may_follow
from sims_core.models import (
    RequestEvent,
    RequestRemark,
    RolePermission,
    Student,
    StudentRequest,
    User,
    UserRole,
)

log = get_logger(__name__)


async def create(session: AsyncSession, actor: Actor, body: r.RequestIn) -> int:
    """Records a request; who may not make them for others makes the own ones.

    Raises ``NotFound`` for another student then.
    """
    student_id = body.student if body.student is not None else actor.student_id
    others = actor.can(r.CREATE)
    if student_id is None:
        text = "Name the student."
        raise ValidationFailed(text, errors=[FieldError("/student", "MISSING", text)])
    known = await session.scalar(select(Student.id).where(Student.id == student_id))
    if known is None or (not others and student_id != actor.student_id):
        raise not_found("student")
    values = body.model_dump(exclude={"student"})
    row = StudentRequest(**values, student_id=student_id, created_by_id=actor.user_id)
    session.add(row)
    await session.flush()
    session.add(RequestEvent(request_id=row.id, to_status=row.status, by_id=actor.user_id))
    await session.flush()
    log.info("request made", student_request=row.id, type=str(body.type))
    return row.id


async def assign(
    session: AsyncSession, actor: Actor, id_: int, body: r.AssignIn, if_match: str | None
) -> None:
    """Gives it to somebody who may process it; a pending one goes under review."""
    row = await _held(session, id_, if_match)
    if row.status not in (RequestStatus.PENDING, RequestStatus.UNDER_REVIEW):
        raise Conflict(f"It is {row.status} already.", code="NOT_ASSIGNABLE")
    await _refuse_assignee(session, body.user)
    before, row.status = row.status, RequestStatus.UNDER_REVIEW
    row.assigned_to_id = body.user
    session.add(
        RequestEvent(
            request_id=id_,
            from_status=before,
            to_status=row.status,
            assigned_to_id=body.user,
            notes=body.notes or "",
            by_id=actor.user_id,
        )
    )
    await session.flush()


async def _refuse_assignee(session: AsyncSession, user_id: int) -> None:
    may = (
        select(RolePermission.permission_code)
        .join(UserRole, UserRole.role_id == RolePermission.role_id)
        .where(UserRole.user_id == User.id, RolePermission.permission_code == r.PROCESS)
        .correlate(User)
        .exists()
    )
    statement = select(User.id).where(User.id == user_id, User.is_active, User.is_superuser | may)
    if await session.scalar(statement) is None:
        text = "There is no active user with this id who may process requests."
        raise ValidationFailed(text, errors=[FieldError("/user", "USER_NOT_FOUND", text)])


async def move(
    session: AsyncSession,
    actor: Actor,
    id_: int,
    after: RequestStatus,
    notes: str,
    if_match: str | None,
) -> None:
    """Raises ``Conflict`` when ``after`` does not follow on the request's state."""
    row = await _held(session, id_, if_match)
    before = RequestStatus(row.status)
    if not may_follow(before, after):
        code = "NOT_APPROVED" if after is RequestStatus.COMPLETED else "NOT_RESOLVABLE"
        raise Conflict(f"A request that is {before} cannot become {after}.", code=code)
    row.status, row.processed_by_id = after, actor.user_id
    session.add(
        RequestEvent(
            request_id=id_, from_status=before, to_status=after, notes=notes, by_id=actor.user_id
        )
    )
    await session.flush()
    log.info("request moved", student_request=id_, status=str(after))


async def _held(session: AsyncSession, id_: int, if_match: str | None) -> StudentRequest:
    row = await session.get(StudentRequest, id_, with_for_update=True)
    if row is None:
        raise not_found("request")
    require_match(if_match, row.version)
    return row


async def remark(session: AsyncSession, actor: Actor, id_: int, body: r.RemarkIn) -> RequestRemark:
    """Adds a remark. Raises ``ValidationFailed`` for an internal one of the student's."""
    if body.is_internal and not actor.can(r.PROCESS):
        text = "Internal remarks are the office's."
        raise ValidationFailed(text, errors=[FieldError("/is_internal", "NOT_ALLOWED", text)])
    row = RequestRemark(request_id=id_, by_id=actor.user_id, **body.model_dump())
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row
