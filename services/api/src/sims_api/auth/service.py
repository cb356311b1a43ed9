"""Sign-in sessions: opened by a password, carried on by one-time refresh tokens.

A refresh token is random, stored as its hash and good for one use. Using it again within
``GRACE`` (two tabs, a lost answer) gives another token of the same family; later it means
that somebody has a copy, and the whole family ends (RFC 9700 §4.14.2).
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from anyio import to_thread
from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.audit.context import tell
from sims_api.auth import throttle
from sims_api.auth.actor import Actor, load
from sims_api.auth.passwords import hashing
from sims_api.auth.schemas import Tokens
from sims_api.auth.tokens import AccessTokens
from sims_api.database import Sessions
from sims_common.clock import now
from sims_common.errors import NotAuthenticated
from sims_common.logs import get_logger
from sims_core import passwords
from sims_core.models import AuthSession, RefreshToken, User

log = get_logger(__name__)

GRACE = timedelta(seconds=10)


@dataclass(frozen=True)
class SignIn:
    actor: Actor
    tokens: Tokens


def _wrong_credentials() -> NotAuthenticated:
    return NotAuthenticated(
        "User name, e-mail or password is wrong.", code="AUTH_INVALID_CREDENTIALS"
    )


def _refused(code: str = "AUTH_TOKEN_INVALID") -> NotAuthenticated:
    return NotAuthenticated("This refresh token is not good any more; sign in again.", code=code)


async def login(
    sessions: Sessions,
    access: AccessTokens,
    *,
    identifier: str,
    password: str,
    lifetime: timedelta,
    context: dict[str, Any],
) -> SignIn:
    """Opens a session.

    No database connection is held while the password is hashed. An unknown user costs as
    much time as a wrong password. Raises ``NotAuthenticated`` with
    ``AUTH_INVALID_CREDENTIALS`` or, the password being right, ``AUTH_INACTIVE_ACCOUNT``;
    ``TooManyRequests`` before the password is looked at.
    """
    user = await _find(sessions, identifier)
    attempt = throttle.Attempt(identifier, context["ip"], user.id if user else None)
    await throttle.count(sessions, attempt)
    stored = user.password_hash if user else await to_thread.run_sync(passwords.decoy)
    right, better = await to_thread.run_sync(passwords.verify, password, stored, limiter=hashing)
    if user is None or not right:
        log.info("login refused", reason="credentials")
        raise _wrong_credentials()
    if not user.is_active:
        log.info("login refused", reason="inactive", user_id=user.id)
        raise NotAuthenticated("This account is inactive.", code="AUTH_INACTIVE_ACCOUNT")
    async with sessions.begin() as session:
        await tell(session, context | {"actor_id": user.id})
        await throttle.forgive(session, attempt)
        opened = AuthSession(
            id=uuid.uuid4(),
            user_id=user.id,
            expires_at=now() + lifetime,
            user_agent=context["user_agent"],
            ip=context["ip"],
        )
        session.add(opened)
        await session.flush()
        values: dict[str, object] = {"last_login_at": func.now()}
        if better:
            values["password_hash"] = better
        await session.execute(update(User).where(User.id == user.id).values(values))
        refresh = _issue(session, opened.id, lifetime)
        actor = await load(session, user.id, opened.id, context)
    log.info("login", user_id=user.id)
    return SignIn(actor, Tokens(access=access.issue(user.id, opened.id), refresh=refresh))


async def _find(sessions: Sessions, identifier: str) -> User | None:
    """The user of that name, else of that address; both in any case."""
    wanted = func.lower(identifier)  # by the database's rules, as its indexes are
    by_name = func.lower(User.username) == wanted
    statement = (
        select(User)
        .where(or_(by_name, func.lower(User.email) == wanted))
        .order_by(by_name.desc())
        .limit(1)
    )
    async with sessions() as session:
        return (await session.scalars(statement)).one_or_none()


def _issue(session: AsyncSession, session_id: uuid.UUID, lifetime: timedelta) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        RefreshToken(token_hash=_hash(token), session_id=session_id, expires_at=now() + lifetime)
    )
    return token


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def refresh(
    sessions: Sessions,
    access: AccessTokens,
    *,
    token: str,
    lifetime: timedelta,
    context: dict[str, Any],
) -> Tokens:
    """The next pair of tokens.

    Raises ``NotAuthenticated``: ``AUTH_TOKEN_INVALID`` (unknown, or used before, which also
    ends the family), ``AUTH_TOKEN_EXPIRED``, ``AUTH_TOKEN_REVOKED``,
    ``AUTH_INACTIVE_ACCOUNT``.
    """
    async with sessions.begin() as session:
        row = (
            await session.execute(
                select(RefreshToken, AuthSession, User.is_active)
                .join(AuthSession, RefreshToken.session_id == AuthSession.id)
                .join(User, AuthSession.user_id == User.id)
                .where(RefreshToken.token_hash == _hash(token))
                .with_for_update(of=RefreshToken)
            )
        ).one_or_none()
        if row is None:
            raise _refused()
        used, family, is_active = row
        _check(used, family, is_active=is_active)
        copied = used.used_at is not None and now() - used.used_at > GRACE
        if copied:
            await tell(session, context)
            family.revoked_at, family.revoked_reason = now(), "refresh token reused"
        else:
            used.used_at = used.used_at or now()
            family.expires_at = now() + lifetime
            following = _issue(session, family.id, lifetime)
    if copied:  # raised only now: the revocation is committed
        log.warning("refresh token reused; family revoked", user_id=family.user_id)
        raise _refused()
    return Tokens(access=access.issue(family.user_id, family.id), refresh=following)


def _check(token: RefreshToken, family: AuthSession, *, is_active: bool) -> None:
    if family.revoked_at is not None:
        raise _refused("AUTH_TOKEN_REVOKED")
    if token.expires_at <= now() or family.expires_at <= now():
        raise _refused("AUTH_TOKEN_EXPIRED")
    if not is_active:
        raise _refused("AUTH_INACTIVE_ACCOUNT")


async def logout(session: AsyncSession, actor: Actor) -> None:
    """Ends this sign-in: its refresh tokens and its access tokens, at once."""
    await session.execute(
        update(AuthSession)
        .where(AuthSession.id == actor.session_id, AuthSession.revoked_at.is_(None))
        .values(revoked_at=func.now(), revoked_reason="logout")
    )
    log.info("logout", user_id=actor.user_id)
