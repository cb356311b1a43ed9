"""The side port: health, liveness and metrics of a process, apart from its work.

``/metrics`` is served here and not on the API's public port, so no ingress exposes it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from typing_extensions import override

from sims_common.health import HealthReport
from sims_common.logs import get_logger
from sims_common.metrics import HEALTH_CHECK

log = get_logger(__name__)


class SidePort:
    """Serves ``/api/health/`` (aliases ``/health/``, ``/healthz/``), ``/livez`` and ``/metrics``.

    ``health`` is called on each request, for ``/metrics`` too; ``alive`` decides ``/livez``;
    ``collect`` runs before each scrape to refresh gauges, and a failure there is logged, not
    served.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        health: Callable[[], HealthReport],
        alive: Callable[[], bool] = lambda: True,
        collect: Callable[[], None] = lambda: None,
    ) -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(health, alive, collect))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="side-port", daemon=True).start()
        log.info("side port ready", port=self.port)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _show_checks(found: HealthReport) -> None:
    """The health report as gauges, so that an alert can say which check fails."""
    HEALTH_CHECK.clear()
    for name, check in found.checks.items():
        if check.status != "skipped":
            HEALTH_CHECK.labels(name).set(check.status == "ok")


def _handler(
    health: Callable[[], HealthReport], alive: Callable[[], bool], collect: Callable[[], None]
) -> type[BaseHTTPRequestHandler]:
    def answer(path: str) -> tuple[int, str, bytes]:
        match path.split("?", 1)[0].rstrip("/"):
            case "/api/health" | "/health" | "/healthz":
                found = health()
                return found.http_status, "application/json", found.body()
            case "/livez":
                up = alive()
                return (200, "text/plain", b"ok\n") if up else (503, "text/plain", b"stalled\n")
            case "/metrics":
                try:
                    _show_checks(health())
                    collect()
                except Exception:  # a scrape must show the other metrics even then
                    log.exception("gauges not refreshed")
                return 200, CONTENT_TYPE_LATEST, generate_latest()
            case _:
                return (
                    404,
                    "text/plain",
                    b"health: /api/health/ liveness: /livez metrics: /metrics\n",
                )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name http.server asks for
            status, kind, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            log.debug("side port", request=format % args)

    return Handler
