"""Sign-in attempts, counted before the password is looked at (ADR 0012).

An attempt counts for the account from that network, for the network, and for the account.
The last never shuts out a network from which the account has signed in before: guessing
from elsewhere locks nobody out. The counts live in PostgreSQL, as Redis may be wiped.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from sims_api.database import Sessions
from sims_common.clock import now
from sims_common.errors import TooManyRequests
from sims_common.logs import get_logger
from sims_core.models import AuthSession, SignInThrottle

log = get_logger(__name__)

WINDOW = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=90)
HERE, NETWORK, ACCOUNT = 10, 100, 100
"""Attempts in ``WINDOW``: at an account from one network, from a network, at an account."""


@dataclass(frozen=True)
class Attempt:
    """One attempt; ``identifier`` as typed, ``user_id`` of whom it names."""

    identifier: str
    ip: str
    user_id: int | None

    def keys(self) -> dict[bytes, int]:
        """Key → limit."""
        where, who = _network(self.ip), self.identifier.casefold()
        return {
            _key("here", who, where): HERE,
            _key("network", where): NETWORK,
            _key("account", who): ACCOUNT,
        }

    @property
    def here(self) -> bytes:
        return _key("here", self.identifier.casefold(), _network(self.ip))

    @property
    def account(self) -> bytes:
        return _key("account", self.identifier.casefold())


def _key(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()


def _network(ip: str) -> str:
    """An IPv6 customer has a whole /64."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


async def count(sessions: Sessions, attempt: Attempt) -> None:
    """Raises ``TooManyRequests`` (``AUTH_ACCOUNT_LOCKED``) when there were too many."""
    limits = attempt.keys()
    at = now()
    fresh = SignInThrottle.since <= at - WINDOW
    async with sessions.begin() as session:
        # One order for everybody, so that two attempts never wait crosswise.
        statement = insert(SignInThrottle).values(
            [{"key": key, "attempts": 1, "since": at} for key in sorted(limits)]
        )
        counted: Any = await session.execute(
            statement.on_conflict_do_update(
                index_elements=[SignInThrottle.key],
                set_={
                    "attempts": case((fresh, 1), else_=SignInThrottle.attempts + 1),
                    "since": case((fresh, at), else_=SignInThrottle.since),
                },
            ).returning(SignInThrottle.key, SignInThrottle.attempts, SignInThrottle.since)
        )
        over = {row.key: row.since for row in counted if row.attempts > limits[row.key]}
        if attempt.account in over and await _is_known(session, attempt):
            del over[attempt.account]
    if over:
        raise _locked(max(over.values()), at)


def _locked(since: datetime, at: datetime) -> TooManyRequests:
    seconds = max(1, int((since + WINDOW - at).total_seconds()))
    log.warning("sign-in throttled", seconds=seconds)
    return TooManyRequests(
        f"Too many attempts to sign in; try again in {-(-seconds // 60)} minutes.",
        code="AUTH_ACCOUNT_LOCKED",
        headers={"Retry-After": str(seconds)},
    )


async def _is_known(session: Any, attempt: Attempt) -> bool:
    if attempt.user_id is None:
        return False
    statement = (
        select(AuthSession.ip)
        .distinct()
        .where(AuthSession.user_id == attempt.user_id, AuthSession.created_at > now() - KNOWN_FOR)
    )
    known = await session.scalars(statement)
    return _network(attempt.ip) in {_network(ip) for ip in known}


async def forgive(session: Any, attempt: Attempt) -> None:
    """After the right password; in the transaction of the sign-in. Forgets old counts too."""
    for key in sorted(attempt.keys()):
        less = 0 if key == attempt.here else func.greatest(SignInThrottle.attempts - 1, 0)
        await session.execute(
            update(SignInThrottle).where(SignInThrottle.key == key).values(attempts=less)
        )
    old = select(SignInThrottle.key).where(SignInThrottle.since < now() - WINDOW)
    unused = old.limit(100).with_for_update(skip_locked=True)
    await session.execute(delete(SignInThrottle).where(SignInThrottle.key.in_(unused)))
