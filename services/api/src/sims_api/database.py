"""The session of a request: one transaction, committed before the answer leaves.

FastAPI runs the rest of a dependency after the response has been sent unless its scope is
``function``; a commit that fails after a 201 would be a lie (ADR 0002).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

Sessions = async_sessionmaker[AsyncSession]


def sessions(request: Request) -> Sessions:
    """For the few routes that must commit before they refuse (a reused refresh token)."""
    found: Sessions = request.app.state.sessions
    return found


async def _transaction(request: Request) -> AsyncIterator[AsyncSession]:
    """Reads need no BEGIN and COMMIT around them: two round trips less for each."""
    if request.method in ("GET", "HEAD"):
        async with request.app.state.reading() as session:
            yield session
    else:
        async with sessions(request)() as session, session.begin():
            yield session


Db = Annotated[AsyncSession, Depends(_transaction, scope="function")]
OpenSessions = Annotated[Sessions, Depends(sessions)]
