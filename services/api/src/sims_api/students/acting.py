"""Who changes a student's status, and why: told to the trigger that keeps the history."""

from __future__ import annotations

from sqlalchemy import func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor

_LOCAL = true()
"""Until the end of the transaction."""


async def act_as(session: AsyncSession, actor: Actor, reason: str) -> None:
    """Holds until the transaction ends."""
    await session.execute(
        select(
            func.set_config("sims.actor", str(actor.user_id), _LOCAL),
            func.set_config("sims.reason", reason, _LOCAL),
        )
    )
