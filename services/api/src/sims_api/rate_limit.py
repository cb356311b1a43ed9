"""How often one caller may use a route that is open to anybody.

Counted in PostgreSQL, for all replicas together and without Redis (ADR 0070). A window is a
minute long; a caller is a network address, kept as a keyed hash.
"""

from __future__ import annotations

import hmac
import ipaddress
import random
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from fastapi import Request
from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from sims_api.database import Sessions
from sims_common.errors import TooManyRequests
from sims_core.models import RateWindow

WINDOW = 60  # seconds
_SWEEP = 0.02  # share of new windows that clear old ones away
_KEPT = timedelta(hours=1)
_ANY_HOST = 64  # bits: an IPv6 customer gets a network of this size


@dataclass(frozen=True)
class RateLimit:
    """At most ``per_minute`` calls a caller of what is named ``bucket``."""

    bucket: str
    per_minute: int

    async def admit(self, request: Request, sessions: Sessions) -> None:
        """Counts this call. Raises ``TooManyRequests`` with ``Retry-After``."""
        began = func.date_trunc("minute", func.now())
        row = {"bucket": self.bucket, "caller": _caller(request), "began_at": began, "calls": 1}
        statement = (
            insert(RateWindow)
            .values(row)
            .on_conflict_do_update(
                index_elements=["bucket", "caller", "began_at"],
                set_={"calls": RateWindow.calls + 1},
            )
            .returning(
                RateWindow.calls,
                (WINDOW - func.extract("epoch", func.now() - RateWindow.began_at)).label("left"),
            )
        )
        async with sessions() as session, session.begin():
            counted = (await session.execute(statement)).one()
            if counted.calls == 1 and random.random() < _SWEEP:  # noqa: S311 (no secret)
                await session.execute(
                    delete(RateWindow).where(RateWindow.began_at < func.now() - _KEPT)
                )
        if counted.calls > self.per_minute:
            wait = str(max(1, int(counted.left) + 1))
            raise TooManyRequests(
                f"Too many requests from your network; try again in {wait} s.",
                headers={"Retry-After": wait},
            )


def _caller(request: Request) -> bytes:
    host = request.client.host if request.client else ""
    key: str = request.app.state.settings.secret_key.get_secret_value()
    return hmac.digest(key.encode(), b"caller " + _network(host).encode(), sha256)[:16]


def _network(host: str) -> str:
    """The part of the address that one customer holds."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _ANY_HOST), strict=False))
    return str(address)
