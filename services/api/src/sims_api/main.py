"""``sims-api``: one uvicorn process; more of them are replicas, not workers."""

from __future__ import annotations

import asyncio
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from sims_api import policy
from sims_api.app import create_app, with_edge
from sims_api.settings import ApiSettings
from sims_common import logs, metrics
from sims_common.health import HealthReport
from sims_common.settings import load
from sims_common.side_port import SidePort


class Server(uvicorn.Server):
    """Says no to readiness probes as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.health.draining = True
        super().handle_exit(sig, frame)


async def serve(settings: ApiSettings) -> None:
    app = create_app(settings)
    loop = asyncio.get_running_loop()

    def health() -> HealthReport:
        asked = asyncio.run_coroutine_threadsafe(app.state.health.report(), loop)
        found: HealthReport = asked.result(timeout=10)
        return found

    def collect() -> None:
        pool = app.state.engine.sync_engine.pool
        metrics.DB_POOL.labels("in_use").set(pool.checkedout())
        metrics.DB_POOL.labels("idle").set(pool.checkedin())
        metrics.DB_POOL.labels("limit").set(
            settings.database_pool_size + settings.database_max_overflow
        )

    side = SidePort(settings.api_side_host, settings.api_side_port, health=health, collect=collect)
    side.start()
    config = uvicorn.Config(
        with_edge(app),
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.api_shutdown_timeout,
        timeout_keep_alive=75,  # longer than a proxy keeps its side open
    )
    try:
        await Server(config, app).serve()
    finally:
        side.stop()


def main() -> None:
    """Runs until SIGTERM; ``--check`` builds the application, checks policies and exits."""
    settings = load(ApiSettings)
    logs.configure(settings, service="api")
    metrics.announce("api")
    if "--check" in sys.argv[1:]:
        app = create_app(settings)
        sys.stdout.write(f"{len(policy.routes(app))} routes, each with a policy\n")
        return
    asyncio.run(serve(settings))
