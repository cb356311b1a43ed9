"""The edge of the API: request ids, metrics, access log, paths, headers.

Plain ASGI, one pass: a request costs one function call here, not one per concern.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sims_api import problems
from sims_common.errors import SimsError, ValidationFailed
from sims_common.logs import bound_contextvars, get_logger
from sims_common.metrics import HTTP_DURATION, HTTP_IN_PROGRESS

log = get_logger("sims_api.access")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_QUIET = frozenset({"/livez", "/api/health/", "/health/", "/healthz/"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_SLASHED = ("/api/", "/health", "/healthz", "/verify/")


class Edge:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        _complete_path(scope)
        with bound_contextvars(request_id=answer.request_id), HTTP_IN_PROGRESS.track_inprogress():
            try:
                refused = _refuse(scope)
                if refused is not None:
                    await problems.response(refused, _printable(scope))(scope, receive, answer)
                else:
                    await self.app(scope, receive, answer)
            except Exception as error:  # noqa: BLE001 (the last place that can answer)
                if not answer.sent:  # else Starlette has answered and logged it, and raised it on
                    await problems.unexpected(scope["path"], error)(scope, receive, answer)
            finally:
                answer.record()


class _Answer:
    """Sends the response on, with our headers, and remembers what was sent."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.status = 500
        self.sent = False
        self.started = time.perf_counter()
        self.request_id = _request_id(scope)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.sent = message["status"], True
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.request_id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self.send(message)

    def record(self) -> None:
        seconds = time.perf_counter() - self.started
        route = _template(self.scope)
        known = route != "unmatched" and self.scope["method"] in _METHODS
        method = self.scope["method"] if known else "any"
        HTTP_DURATION.labels(route, method, str(self.status)).observe(seconds)
        if self.scope["path"] not in _QUIET:
            log.info(
                "request",
                method=self.scope["method"],
                route=route,
                status=self.status,
                ms=round(seconds * 1000, 1),
            )


def _template(scope: Scope) -> str:
    """The route's template: a path holds ids and would make a series each."""
    route: Any = scope.get("route")
    return getattr(route, "path", None) or "unmatched"


def _request_id(scope: Scope) -> str:
    """The caller's ``X-Request-ID`` when it is harmless, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return uuid.uuid4().hex


def _complete_path(scope: Scope) -> None:
    """``/api/students`` is ``/api/students/``: no redirect, so no POST loses its body."""
    path = scope["path"]
    if not path.endswith("/") and path.startswith(_SLASHED):
        scope["path"] = f"{path}/"
        if "raw_path" in scope:
            scope["raw_path"] = scope["raw_path"] + b"/"


def _refuse(scope: Scope) -> SimsError | None:
    """NUL has no place in text that PostgreSQL shall store."""
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        return ValidationFailed("The address holds a NUL byte.", code="NUL_BYTE")
    return None


def _printable(scope: Scope) -> str:
    return str(scope["path"]).replace("\0", "%00")
