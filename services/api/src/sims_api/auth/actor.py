"""Who acts: read from the database on every request, so a revoked session, a deactivated
user or a changed role counts at once, not when the token ends."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Row, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.audit.context import SETTING, context_of
from sims_api.auth.tokens import AccessTokens, Claims
from sims_api.database import Db
from sims_common.errors import NotAuthenticated
from sims_common.logs import bind_contextvars
from sims_core.domain import permissions as p
from sims_core.models import (
    AuthSession,
    InstitutionSetting,
    Role,
    RolePermission,
    Student,
    User,
    UserRole,
)

# The first of these that a user has is what ``role`` shows (source: the known API's order).
ROLE_ORDER = (
    p.ADMIN,
    p.REGISTRAR,
    p.FINANCE,
    p.EXAM_CELL,
    p.FACULTY,
    p.COORDINATOR,
    p.OFFICE_ASSISTANT,
    p.STUDENT,
)


@dataclass(frozen=True)
class Actor:
    """The signed-in user of this request."""

    user_id: int
    session_id: uuid.UUID
    username: str
    email: str
    full_name: str
    is_superuser: bool
    roles: frozenset[str]
    permissions: frozenset[str]
    student_id: int | None
    must_change_password: bool
    portal_results: bool
    """Whether the institution shows students their results."""
    portal_attendance: bool

    def can(self, code: str) -> bool:
        return self.is_superuser or code in self.permissions

    @property
    def role(self) -> str:
        if self.is_superuser:
            return p.ADMIN
        return next((role for role in ROLE_ORDER if role in self.roles), "User")


def _roles_of_user() -> Any:
    return (
        select(func.array_agg(Role.name))
        .join(UserRole, UserRole.role_id == Role.id)
        .where(UserRole.user_id == User.id)
        .correlate(User)
        .scalar_subquery()
    )


def _permissions_of_user() -> Any:
    return (
        select(func.array_agg(RolePermission.permission_code.distinct()))
        .join(UserRole, UserRole.role_id == RolePermission.role_id)
        .where(UserRole.user_id == User.id)
        .correlate(User)
        .scalar_subquery()
    )


_ACTOR: Select[Any] = (
    select(
        User.id,
        User.username,
        User.email,
        User.full_name,
        User.is_active,
        User.is_superuser,
        User.must_change_password,
        AuthSession.revoked_at,
        (AuthSession.expires_at <= func.now()).label("session_ended"),
        _roles_of_user().label("roles"),
        _permissions_of_user().label("permissions"),
        select(Student.id).where(Student.user_id == User.id).scalar_subquery().label("student_id"),
        select(InstitutionSetting.student_portal_results).scalar_subquery().label("portal_results"),
        select(InstitutionSetting.student_portal_attendance)
        .scalar_subquery()
        .label("portal_attendance"),
    )
    .add_columns(func.set_config(SETTING, bindparam("context"), True).label("told"))  # noqa: FBT003
    .join(AuthSession, AuthSession.user_id == User.id)
    .where(AuthSession.id == bindparam("session_id"), User.id == bindparam("user_id"))
)


async def load(
    session: AsyncSession, user_id: int, session_id: uuid.UUID, context: dict[str, Any]
) -> Actor:
    """The actor, in one statement, which also tells the audit trail who acts.

    Raises ``NotAuthenticated`` with ``AUTH_TOKEN_REVOKED`` or ``AUTH_INACTIVE_ACCOUNT``.
    """
    told = json.dumps(context | {"actor_id": user_id})
    parameters = {"session_id": session_id, "user_id": user_id, "context": told}
    row = (await session.execute(_ACTOR, parameters)).one_or_none()
    if row is None or row.revoked_at is not None or row.session_ended:
        raise NotAuthenticated("This sign-in has ended; sign in again.", code="AUTH_TOKEN_REVOKED")
    if not row.is_active:
        raise NotAuthenticated("This account is inactive.", code="AUTH_INACTIVE_ACCOUNT")
    return _actor(row, session_id)


def _actor(row: Row[Any], session_id: uuid.UUID) -> Actor:
    return Actor(
        user_id=row.id,
        session_id=session_id,
        username=row.username,
        email=row.email,
        full_name=row.full_name or row.username,
        is_superuser=row.is_superuser,
        roles=frozenset(row.roles or ()),
        permissions=frozenset(row.permissions or ()),
        student_id=row.student_id,
        must_change_password=row.must_change_password,
        portal_results=row.portal_results,
        portal_attendance=row.portal_attendance,
    )


_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The access token")


async def claims_of(request: Request) -> Claims:
    """What the request's access token says; no database is asked."""
    credentials = await _bearer(request)
    if credentials is None:
        raise NotAuthenticated("Send Authorization: Bearer <access token>.")
    tokens: AccessTokens = request.app.state.tokens
    return tokens.read(credentials.credentials)


async def current_actor(
    request: Request,
    session: Db,
    _documented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Actor:
    claims = await claims_of(request)
    actor = await load(session, claims.user_id, claims.session_id, context_of(request))
    bind_contextvars(user_id=actor.user_id)
    return actor


CurrentActor = Annotated[Actor, Depends(current_actor)]
