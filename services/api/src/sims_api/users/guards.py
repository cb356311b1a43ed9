"""Who may give and take what: nobody beyond the own permissions, and one Admin stays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_common.clock import now
from sims_common.errors import Conflict, PermissionDenied
from sims_core.domain.permissions import ADMIN
from sims_core.models import AuthSession, Role, RolePermission, User, UserRole


def require_all(actor: Actor, codes: Iterable[str]) -> None:
    """Raises ``PermissionDenied`` when one of ``codes`` is not the actor's."""
    missing = sorted(code for code in codes if not actor.can(code))
    if missing:
        shown = ", ".join(missing[:5])
        raise PermissionDenied(
            f"You may not give or take what you do not have: {shown}.", code="BEYOND_OWN_RIGHTS"
        )


async def permissions_of_roles(session: AsyncSession, role_ids: Iterable[int]) -> set[str]:
    statement = select(RolePermission.permission_code).where(
        RolePermission.role_id.in_(set(role_ids))
    )
    return set(await session.scalars(statement))


async def roles_of(session: AsyncSession, user_id: int) -> set[int]:
    return set(await session.scalars(select(UserRole.role_id).where(UserRole.user_id == user_id)))


async def require_power_over(session: AsyncSession, actor: Actor, user: User) -> None:
    """Else whoever may change logins could take over one that may do more."""
    if user.is_superuser and not actor.is_superuser:
        raise PermissionDenied("Only a superuser changes a superuser.", code="BEYOND_OWN_RIGHTS")
    held = await permissions_of_roles(session, await roles_of(session, user.id))
    require_all(actor, held)


async def keep_an_admin(session: AsyncSession, leaving: User) -> None:
    """Raises ``Conflict`` unless another active Admin or superuser remains.

    The role's row is locked until the end: two who leave at once cannot both be last.
    """
    role = (
        await session.scalars(select(Role).where(Role.name == ADMIN).with_for_update())
    ).one_or_none()
    admins = select(UserRole.user_id).where(UserRole.role_id == (role.id if role else 0))
    others = select(User.id).where(
        User.is_active, User.id != leaving.id, User.is_superuser | User.id.in_(admins)
    )
    if (await session.scalars(others.limit(1))).first() is None:
        raise Conflict("This is the last active Admin; make another one first.", code="LAST_ADMIN")


async def end_sessions(session: AsyncSession, user_id: int, reason: str) -> None:
    await session.execute(
        update(AuthSession)
        .where(AuthSession.user_id == user_id, AuthSession.revoked_at.is_(None))
        .values(revoked_at=now(), revoked_reason=reason)
    )


async def may_write_user(
    session: AsyncSession, actor: Actor, sent: dict[str, Any] | None, user: User | None
) -> None:
    """The guard of the logins' resource."""
    sent = sent or {}
    held = await roles_of(session, user.id) if user is not None else set()
    if user is not None:
        await require_power_over(session, actor, user)
    if "roles" in sent:
        require_all(actor, await permissions_of_roles(session, held ^ set(sent["roles"])))
    if user is None:
        return
    admin = (await session.scalars(select(Role.id).where(Role.name == ADMIN))).one_or_none()
    loses_role = "roles" in sent and admin in held - set(sent["roles"])
    deactivated = sent.get("is_active") is False and user.is_active
    if user.id == actor.user_id and (deactivated or sent.get("must_change_password")):
        raise Conflict("Another administrator has to do this to you.", code="SELF")
    if (deactivated and (user.is_superuser or admin in held)) or loses_role:
        await keep_an_admin(session, user)
    if deactivated:
        await end_sessions(session, user.id, "deactivated")


async def may_write_role(
    session: AsyncSession, actor: Actor, sent: dict[str, Any] | None, role: Role | None
) -> None:
    """The guard of the roles' resource: system roles keep their name and stay."""
    if (
        role is not None
        and role.is_system
        and (sent is None or sent.get("name", role.name) != role.name)
    ):
        raise Conflict("A system role keeps its name and stays.", code="SYSTEM_ROLE")
    held = await permissions_of_roles(session, [role.id]) if role is not None else set()
    if role is not None and role.name == ADMIN and sent and "permissions" in sent:
        raise Conflict("Admin may do everything, always.", code="SYSTEM_ROLE")
    wanted = set(sent["permissions"]) if sent and "permissions" in sent else held
    require_all(actor, held if sent is None else held ^ wanted)
