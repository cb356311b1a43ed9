"""Changing a password, and setting one with a code."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from anyio import CapacityLimiter, to_thread
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth import password_rules
from sims_api.auth.actor import Actor
from sims_common.clock import now
from sims_common.errors import FieldError, NotAuthenticated, ValidationFailed
from sims_core import passwords
from sims_core.models import AuthSession, PasswordCode, User

NONE = "unset"
"""No hash, so no password fits it."""
GOOD_FOR = timedelta(hours=72)
hashing = CapacityLimiter(2)  # argon2 is CPU and memory: a login storm queues here


async def new_code(session: AsyncSession, user_id: int) -> tuple[str, datetime]:
    """A code of 128 bits, replacing the one before, and when it ends."""
    code, expires_at = secrets.token_urlsafe(16), now() + GOOD_FOR
    values = {"code_hash": _hash(code), "expires_at": expires_at}
    await session.execute(
        insert(PasswordCode)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=[PasswordCode.user_id], set_=values)
    )
    return code, expires_at


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


async def set_by_code(session: AsyncSession, username: str, code: str, new: str) -> int:
    """Returns the user's id. Raises ``NotAuthenticated`` unless the code is good."""
    found = (
        await session.execute(
            select(User, PasswordCode)
            .join(PasswordCode, PasswordCode.user_id == User.id)
            .where(func.lower(User.username) == func.lower(username))
            .with_for_update()
        )
    ).one_or_none()
    if (
        found is None
        or not hmac.compare_digest(found[1].code_hash, _hash(code))
        or found[1].expires_at <= now()
        or not found[0].is_active
    ):
        raise NotAuthenticated(
            "This code is not good (any more); ask for another.", code="AUTH_CODE_INVALID"
        )
    user, used = found
    password_rules.check(new, user.username, user.email, user.full_name)
    await _store(session, user, new)
    await session.delete(used)
    return int(user.id)


async def change(session: AsyncSession, actor: Actor, current: str, new: str) -> None:
    """Ends all other sign-ins. Raises ``ValidationFailed``."""
    statement = select(User).where(User.id == actor.user_id).with_for_update()
    user = (await session.scalars(statement)).one()
    right, _ = await to_thread.run_sync(
        passwords.verify, current, user.password_hash, limiter=hashing
    )
    if not right:
        text = "This is not your password."
        raise ValidationFailed(
            text,
            code="PASSWORD_WRONG",
            errors=[FieldError("/current_password", "PASSWORD_WRONG", text)],
        )
    if new == current:
        text = "Choose another one than now."
        raise ValidationFailed(
            text, code="PASSWORD_SAME", errors=[FieldError("/new_password", "PASSWORD_SAME", text)]
        )
    password_rules.check(new, user.username, user.email, user.full_name)
    await _store(session, user, new)
    await session.execute(
        update(AuthSession)
        .where(
            AuthSession.user_id == user.id,
            AuthSession.id != actor.session_id,
            AuthSession.revoked_at.is_(None),
        )
        .values(revoked_at=now(), revoked_reason="password changed")
    )


async def _store(session: AsyncSession, user: User, new: str) -> None:
    user.password_hash = await to_thread.run_sync(passwords.hash_password, new, limiter=hashing)
    user.must_change_password = False
    await session.flush()
