"""Bodies of the sign-in routes (source of names: the known API)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sims_api.auth.actor import Actor
from sims_api.auth.password_rules import NewPassword
from sims_api.fields import Input, Output

Identifier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=254)]
Password = Annotated[
    str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})
]
RefreshValue = Annotated[str, Field(min_length=1, max_length=256)]


class Login(Input):
    identifier: Identifier = Field(description="user name or e-mail address, in any case")
    password: Password


class EmailLogin(Input):
    email: Identifier
    password: Password


class Refresh(Input):
    refresh: RefreshValue


class Logout(Input):
    refresh: RefreshValue | None = Field(None, description="accepted for old clients, not needed")


class Tokens(Output):
    access: str = Field(description="JWT for Authorization: Bearer, ten minutes")
    refresh: str = Field(description="good for one refresh")


class UserOut(Output):
    id: int
    username: str
    email: str
    full_name: str
    role: str
    is_active: Literal[True] = True
    student_id: int | None
    must_change_password: bool = Field(description="nothing else is allowed before that")


class ChangePassword(Input):
    current_password: Password
    new_password: NewPassword


class SetPassword(Input):
    username: Identifier
    code: Annotated[str, Field(min_length=1, max_length=64)]
    new_password: NewPassword


class LoggedIn(Output):
    user: UserOut
    tokens: Tokens


class Success(Output):
    success: Literal[True] = True


def user_out(actor: Actor) -> UserOut:
    return UserOut(
        id=actor.user_id,
        username=actor.username,
        email=actor.email,
        full_name=actor.full_name,
        role=actor.role,
        student_id=actor.student_id,
        must_change_password=actor.must_change_password,
    )
