"""Keeping from students what a hold blocks."""

# No `from __future__ import annotations`: FastAPI must see the policy of each gate.

from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.database import Db
from sims_api.policy import allow
from sims_core import holds
from sims_core.domain.holds import Held


async def ensure_free(session: AsyncSession, student_id: int, what: Held) -> None:
    """Raises ``holds.Blocked`` when an open hold keeps ``what`` from the student."""
    holds.refuse((await session.execute(holds.blocking(student_id, what))).all())


def unless_held(view: str, own: str, what: Held) -> Any:
    """Like ``allow(view, own)``; who has ``own`` alone is refused while held."""

    async def viewer(session: Db, actor: Annotated[Actor, allow(view, own=own)]) -> Actor:
        if not actor.can(view) and actor.student_id is not None:
            await ensure_free(session, actor.student_id, what)
        return actor

    return Depends(viewer)
