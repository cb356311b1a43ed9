"""Logins and roles, as resources; what is more than a row is in ``routes``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth import passwords
from sims_api.fields import MAX_ID, Digits, Email, Flag, Input, OneLine, Output, RowId
from sims_api.members import Members
from sims_api.resource import Resource
from sims_api.users import guards, sessions
from sims_core.models import Role, RolePermission, User, UserRole

UserName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=150, pattern=r"^[^@\s]+$"),
    *OneLine,
]
OptionalLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255), *OneLine]
QueryId = Annotated[int, Field(ge=1, le=MAX_ID), Digits]
RoleName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), *OneLine
]
PermissionCode = Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-z_.]+$")]


class UserIn(Input):
    """A login. It gets its password by a code: ``reset-password``."""

    username: UserName
    email: Email
    full_name: OptionalLine = ""
    is_active: Flag = True
    must_change_password: Flag = False
    roles: list[RowId] = Field(default_factory=list, max_length=50)


class UserAccountOut(Output):
    id: int
    username: str
    email: str
    full_name: str
    is_active: bool
    is_superuser: bool
    must_change_password: bool
    last_login_at: datetime | None
    roles: list[int]
    version: int


class RoleIn(Input):
    name: RoleName
    description: OptionalLine = ""
    permissions: list[PermissionCode] = Field(default_factory=list, max_length=1000)

    @field_validator("permissions")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        return sorted(set(value))


class RoleOut(Output):
    id: int
    name: str
    description: str
    is_system: bool
    permissions: list[str]
    version: int


async def _without_password(
    _session: AsyncSession, values: dict[str, Any], row: User | None, _today: date
) -> None:
    if row is None:
        values["password_hash"] = passwords.NONE


USERS = Resource(
    name="user",
    path="users",
    tag="users",
    model=User,
    out=UserAccountOut,
    create=UserIn,
    permission="users.users",
    export_permission="users.users.export",
    personal=True,
    orderings={"id": User.id, "username": User.username, "email": User.email},
    default_ordering="username",
    filters={
        "username": User.username,
        "email": User.email,
        "is_active": User.is_active,
        "must_change_password": User.must_change_password,
    },
    criteria={"role": (QueryId, lambda role: User.id.in_(_with_role(role)))},
    members={"roles": Members(UserRole, "user_id", "role_id")},
    guard=guards.may_write_user,
    prepare=_without_password,
    extend=sessions.add_user_routes,
)

ROLES = Resource(
    name="role",
    path="roles",
    tag="users",
    model=Role,
    out=RoleOut,
    create=RoleIn,
    deletable=True,
    permission="users.roles",
    orderings={"id": Role.id, "name": Role.name},
    default_ordering="name",
    filters={"is_system": Role.is_system},
    members={"permissions": Members(RolePermission, "role_id", "permission_code", String)},
    guard=guards.may_write_role,
    extend=sessions.add_permission_list,
)


def _with_role(role: int) -> Any:
    return select(UserRole.user_id).where(UserRole.role_id == role)
