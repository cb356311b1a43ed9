"""Uvicorn as we run it: bounded headers, no websockets, not ready once told to stop."""

from __future__ import annotations

from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sims_api.settings import ApiSettings

MAX_HEADERS = 64 << 10  # bytes of a request before its body

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: 34\r\n"
    b"connection: close\r\n"
    b"\r\n"
    b"The request's headers are too big."
)


class BoundedHttp(HttpToolsProtocol):
    """Ends a request whose headers grow over ``MAX_HEADERS``.

    The parser alone collects them for as long as a client sends: one connection could take
    all memory before any route, and so any policy, is asked.
    """

    _unfinished = 0

    @override
    def data_received(self, data: bytes) -> None:
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > MAX_HEADERS and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    @override
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._unfinished = 0

    @override
    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._unfinished = 0


def config_of(app: ASGIApp, settings: ApiSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        interface="asgi3",
        http=BoundedHttp,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.api_shutdown_timeout,
        timeout_keep_alive=75,  # longer than a proxy keeps its side open
    )


class Server(uvicorn.Server):
    """Says no to readiness probes as soon as it is told to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.health.draining = True
        super().handle_exit(sig, frame)
