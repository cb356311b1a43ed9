"""``GET /api/health/`` and liveness."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Request, Response
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from sims_api.policy import public
from sims_common.health import Check, HealthReport, Outcome, report
from sims_common.logs import get_logger
from sims_core import migrate

log = get_logger(__name__)

CACHE_SECONDS = 2.0
CHECK_TIMEOUT = 3.0  # seconds; an answer that late is a failure

router = APIRouter(tags=["health"])


class Health:
    """Looks at database, migrations and Redis, at most every ``CACHE_SECONDS``.

    ``draining`` is set when the process has been told to stop: it is then not ready.
    """

    def __init__(self, engine: AsyncEngine, redis: Redis | None) -> None:
        self._engine = engine
        self._redis = redis
        self._lock = asyncio.Lock()
        self._known: tuple[float, HealthReport] | None = None
        self.draining = False

    async def report(self) -> HealthReport:
        async with self._lock:  # a crowd of probes asks the database once
            if self._known is None or time.monotonic() - self._known[0] > CACHE_SECONDS:
                self._known = (time.monotonic(), await self._look())
            found = self._known[1]
        return found.model_copy(update={"status": "degraded"}) if self.draining else found

    async def _look(self) -> HealthReport:
        (db, migrations), redis = await asyncio.gather(self._database(), self._ping())
        return report({"db": db, "migrations": migrations, "redis": redis})

    async def _database(self) -> tuple[Check, Check]:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT), self._engine.connect() as connection:
                started = time.perf_counter()
                await connection.execute(text("SELECT 1"))
                latency = round((time.perf_counter() - started) * 1000, 2)
                schema = await connection.run_sync(_schema)
        except (SQLAlchemyError, TimeoutError, OSError) as error:
            log.warning("database check failed", kind=type(error).__name__)
            return Check(status="fail"), Check(status="fail")
        state: Outcome = "ok" if schema.fits else "fail"
        migrations = Check(status=state, pending_count=schema.pending or None)
        return Check(status="ok", latency_ms=latency), migrations

    async def _ping(self) -> Check:
        if self._redis is None:
            return Check(status="skipped")
        try:
            async with asyncio.timeout(1.0):
                await self._redis.ping()
        except (RedisError, TimeoutError, OSError) as error:
            log.warning("redis check failed", kind=type(error).__name__)
            return Check(status="fail")
        return Check(status="ok")


def _schema(connection: Connection) -> migrate.Schema:
    return migrate.schema(connection)


@router.get(
    "/api/health/",
    dependencies=[public()],
    response_model=HealthReport,
    response_model_exclude_none=True,
    responses={503: {"model": HealthReport, "description": "degraded; the same body"}},
)
@router.get("/health/", dependencies=[public()], include_in_schema=False)
@router.get("/healthz/", dependencies=[public()], include_in_schema=False)
async def health(request: Request) -> Response:
    """Ready to serve? Database, migrations and Redis (which never changes the status)."""
    found: HealthReport = await request.app.state.health.report()
    return Response(found.body(), found.http_status, media_type="application/json")


@router.get("/livez", dependencies=[public()], include_in_schema=False)
async def live() -> Response:
    """The event loop turns. Asks nobody else, so that a database outage restarts nothing."""
    return Response("ok\n", media_type="text/plain")
