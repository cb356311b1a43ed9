"""``sims-api``: one uvicorn process; more of them are replicas, not workers."""

from __future__ import annotations

import asyncio
import sys

from sims_api import policy
from sims_api.app import create_app, with_edge
from sims_api.server import Server, config_of
from sims_api.settings import ApiSettings
from sims_common import logs, metrics
from sims_common.health import HealthReport
from sims_common.settings import load
from sims_common.side_port import SidePort


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
    try:
        await Server(config_of(with_edge(app), settings), app).serve()
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
