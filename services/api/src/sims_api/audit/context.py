"""Who asks and from where, as the audit trail's triggers are told: once a transaction."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_common.logs import request_id

SETTING = "sims.audit"


def context_of(request: Request, actor_id: int | None = None) -> dict[str, Any]:
    """The address is the proxy's client where uvicorn trusts the proxy, else the peer's."""
    route: Any = request.scope.get("route")
    return {
        "actor_id": actor_id,
        "method": request.method[:8],
        "route": str(getattr(route, "path", ""))[:200],
        "request_id": request_id()[:64],
        "ip": (request.client.host if request.client else "")[:45],
        "user_agent": _printable(request.headers.get("user-agent", ""))[:255],
    }


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())


async def tell(session: AsyncSession, context: dict[str, Any]) -> None:
    """For the few transactions that open without an actor (a sign-in)."""
    told = func.set_config(SETTING, json.dumps(context), True)  # noqa: FBT003 (is_local)
    await session.execute(select(told))
