"""Making a superuser."""

from __future__ import annotations

import os
import re

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from sims_cli.stack.environment import given as given_variable
from sims_common.errors import Conflict, ValidationFailed
from sims_core import passwords
from sims_core.domain.permissions import ADMIN
from sims_core.models import Role, User

LONGEST_NAME, LONGEST_EMAIL = 150, 254  # the columns
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def generated() -> str:
    return passwords.generate(20)


def given() -> str | None:
    """From ``SIMS_SUPERUSER_PASSWORD`` or its ``_FILE``."""
    return given_variable("SIMS_SUPERUSER_PASSWORD", os.environ)


def create(engine: Engine, *, username: str, email: str, password: str) -> int:
    """Returns the new user's id.

    Raises ``ValidationFailed`` on a weak password or wrong address, ``Conflict`` when the
    name or address is taken, whatever its case.
    """
    username, email = username.strip(), email.strip()
    _validate(username, email, password)
    with Session(engine) as session, session.begin():
        _refuse_duplicates(session, username, email)
        admin = session.scalars(select(Role).where(Role.name == ADMIN)).one_or_none()
        user = User(
            username=username,
            email=email,
            password_hash=passwords.hash_password(password),
            is_superuser=True,
            roles=[admin] if admin else [],
        )
        session.add(user)
        session.flush()
        return user.id


def _validate(username: str, email: str, password: str) -> None:
    if not username or len(username) > LONGEST_NAME or "@" in username:
        raise ValidationFailed(f"A user name has 1 to {LONGEST_NAME} characters and no @.")
    if not _EMAIL.fullmatch(email) or len(email) > LONGEST_EMAIL:
        raise ValidationFailed(f"{email!r} is not an e-mail address.")
    if len(password) < passwords.MIN_LENGTH:
        raise ValidationFailed(
            f"The password needs at least {passwords.MIN_LENGTH} characters; it has"
            f" {len(password)}. --generate makes a good one."
        )


def _refuse_duplicates(session: Session, username: str, email: str) -> None:
    for what, column, value in (
        ("user name", User.username, username),
        ("e-mail", User.email, email),
    ):
        taken = select(User.id).where(func.lower(column) == value.lower())
        if session.scalars(taken).first() is not None:
            raise Conflict(f"There is a user with the {what} {value} already.")
