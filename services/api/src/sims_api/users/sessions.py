"""What an administrator does with a login beyond its row: codes, activation, sign-ins."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api import problems
from sims_api.auth import passwords
from sims_api.auth.actor import Actor
from sims_api.database import Db
from sims_api.fields import Output
from sims_api.policy import allow
from sims_api.resource import Id
from sims_api.users import guards
from sims_common.clock import now
from sims_common.errors import Conflict
from sims_core.models import AuthSession, Permission, User

View = Annotated[Actor, allow("users.users.view")]
Update = Annotated[Actor, allow("users.users.update")]


class SessionOut(Output):
    """One sign-in that is still good."""

    id: uuid.UUID
    created_at: datetime
    expires_at: datetime
    user_agent: str
    ip: str
    current: bool = Field(description="the one that asks")


class CodeOut(Output):
    """Shown once; hand it over by a way that only this person reads."""

    code: str
    expires_at: datetime
    use_at: str = "/api/auth/set-password/"


class PermissionOut(Output):
    code: str
    description: str


async def list_sessions(session: AsyncSession, user_id: int, actor: Actor) -> list[SessionOut]:
    found = await session.scalars(
        select(AuthSession)
        .where(
            AuthSession.user_id == user_id,
            AuthSession.revoked_at.is_(None),
            AuthSession.expires_at > func.now(),
        )
        .order_by(AuthSession.created_at.desc())
        .limit(200)
    )
    return [
        SessionOut(
            id=one.id,
            created_at=one.created_at,
            expires_at=one.expires_at,
            user_agent=one.user_agent,
            ip=one.ip,
            current=one.id == actor.session_id,
        )
        for one in found
    ]


async def end_session(
    session: AsyncSession, user_id: int, session_id: uuid.UUID, reason: str
) -> None:
    """Raises ``NotFound`` when it is another's or has ended."""
    ended = await session.execute(
        update(AuthSession)
        .where(
            AuthSession.id == session_id,
            AuthSession.user_id == user_id,
            AuthSession.revoked_at.is_(None),
        )
        .values(revoked_at=now(), revoked_reason=reason)
        .returning(AuthSession.id)
    )
    if ended.one_or_none() is None:
        raise problems.not_found("sign-in")


async def _user(session: AsyncSession, actor: Actor, user_id: int) -> User:
    """Held until the end. Raises ``NotFound``, ``PermissionDenied``."""
    statement = select(User).where(User.id == user_id).with_for_update()
    found = (await session.scalars(statement)).one_or_none()
    if found is None:
        raise problems.not_found("user")
    await guards.require_power_over(session, actor, found)
    return found


def add_user_routes(router: APIRouter) -> None:
    _add_activation(router)
    _add_codes(router)
    _add_sign_ins(router)


def _add_activation(router: APIRouter) -> None:
    @router.post("/{id}/activate/", status_code=204)
    async def activate(session: Db, actor: Update, id: Id) -> None:  # noqa: A002
        """Lets the user sign in again."""
        user = await _user(session, actor, id)
        user.is_active = True

    @router.post("/{id}/deactivate/", status_code=204)
    async def deactivate(session: Db, actor: Update, id: Id) -> None:  # noqa: A002
        """Ends every sign-in at once and allows no other."""
        user = await _user(session, actor, id)
        await guards.may_write_user(session, actor, {"is_active": False}, user)
        user.is_active = False


def _add_codes(router: APIRouter) -> None:
    @router.post("/{id}/reset-password/", response_model=CodeOut)
    async def reset_password(session: Db, actor: Update, id: Id) -> Any:  # noqa: A002
        """Takes the password away, ends every sign-in and answers a one-time code.

        Whoever has the code sets the next password, within 72 hours.
        """
        user = await _user(session, actor, id)
        if user.id == actor.user_id:
            raise Conflict("Change your own at /api/auth/change-password/.", code="SELF")
        user.password_hash = passwords.NONE
        await guards.end_sessions(session, user.id, "password reset")
        code, expires_at = await passwords.new_code(session, user.id)
        return CodeOut(code=code, expires_at=expires_at)


def _add_sign_ins(router: APIRouter) -> None:
    @router.get("/{id}/sessions/")
    async def user_sessions(session: Db, actor: View, id: Id) -> list[SessionOut]:  # noqa: A002
        """The sign-ins of a user that are still good."""
        if await session.get(User, id) is None:
            raise problems.not_found("user")
        return await list_sessions(session, id, actor)

    @router.delete("/{id}/sessions/{session_id}/", status_code=204)
    async def end_user_session(
        session: Db,
        actor: Update,
        id: Id,  # noqa: A002
        session_id: uuid.UUID,
    ) -> None:
        """Ends a sign-in of a user at once."""
        await _user(session, actor, id)
        await end_session(session, id, session_id, "ended by an administrator")


def add_permission_list(router: APIRouter) -> None:
    @router.get("/permissions/")
    async def permissions(
        session: Db, _actor: Annotated[Actor, allow("users.roles.view")]
    ) -> list[PermissionOut]:
        """Everything that a role can be allowed to do."""
        found = await session.scalars(select(Permission).order_by(Permission.code))
        return [PermissionOut(code=one.code, description=one.description) for one in found]
