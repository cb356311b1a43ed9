"""``Idempotency-Key``: a POST that is repeated after a lost answer happens once.

The first answer is stored in the request's own transaction and replayed to the same user
for the same key, path and body. A second request waits for the first on the key's index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, StringConstraints
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import CurrentActor
from sims_api.database import Db
from sims_common.errors import SimsError
from sims_core.models import IdempotencyKey

Key = Annotated[
    Annotated[str, StringConstraints(min_length=8, max_length=128, pattern=r"^[!-~]+$")] | None,
    Header(
        alias="Idempotency-Key",
        description="repeat the request with the same key and it happens once",
    ),
]


class KeyReused(SimsError):
    status = 422
    code = "IDEMPOTENCY_KEY_REUSED"
    title = "This Idempotency-Key was used for another request"


class Once:
    """Runs the creation of a request at most once per key."""

    def __init__(
        self, request: Request, session: AsyncSession, user_id: int, key: str | None
    ) -> None:
        self._request = request
        self._session = session
        self._user_id = user_id
        self._key = key

    async def run(
        self,
        create: Callable[[], Awaitable[BaseModel]],
        *,
        status: int = 201,
        location: Callable[[Any], str] | None = None,
        etag: Callable[[Any], str] | None = None,
    ) -> Response:
        """The answer to ``create``, or the stored one. Raises ``KeyReused``."""
        if self._key is None:
            return _answer(await create(), status, Location=location, ETag=etag)
        fingerprint = await self._fingerprint()
        inserted = await self._session.execute(
            insert(IdempotencyKey)
            .values(user_id=self._user_id, key=self._key, fingerprint=fingerprint)
            .on_conflict_do_nothing()
            .returning(IdempotencyKey.key)
        )
        if inserted.one_or_none() is None:
            return await self._replay(fingerprint)
        answer = _answer(await create(), status, Location=location, ETag=etag)
        await self._store(answer)
        return answer

    async def _fingerprint(self) -> bytes:
        body = await self._request.body()
        return hashlib.sha256(self._request.url.path.encode() + b"\0" + body).digest()

    async def _replay(self, fingerprint: bytes) -> Response:
        stored = (
            await self._session.execute(
                select(
                    IdempotencyKey.fingerprint,
                    IdempotencyKey.status,
                    IdempotencyKey.headers,
                    IdempotencyKey.body,
                ).where(IdempotencyKey.user_id == self._user_id, IdempotencyKey.key == self._key)
            )
        ).one()
        if stored.fingerprint != fingerprint:
            raise KeyReused("Use a new key for a different request.")
        headers = {**stored.headers, "Idempotent-Replayed": "true"}
        return JSONResponse(stored.body, stored.status or 200, headers)

    async def _store(self, answer: _Answer) -> None:
        await self._session.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.user_id == self._user_id, IdempotencyKey.key == self._key)
            .values(
                status=answer.status_code,
                headers={k: v for k, v in answer.headers.items() if k in ("etag", "location")},
                body=answer.content,
            )
        )


class _Answer(JSONResponse):
    """A JSON response that still knows its content."""

    def __init__(self, content: Any, status: int, headers: dict[str, str]) -> None:
        super().__init__(content, status, headers)
        self.content = content


def _answer(found: BaseModel, status: int, **headers: Callable[[Any], str] | None) -> _Answer:
    said = {name: header(found) for name, header in headers.items() if header is not None}
    return _Answer(found.model_dump(mode="json"), status, said)


def _once(request: Request, session: Db, actor: CurrentActor, key: Key = None) -> Once:
    return Once(request, session, actor.user_id, key)


AtMostOnce = Annotated[Once, Depends(_once)]
