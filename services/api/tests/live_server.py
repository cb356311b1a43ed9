"""One uvicorn server for all tests of a process; each test puts its own application behind it.

Starting a server costs more than most tests. What is served is real all the same: sockets,
HTTP parsing, and an event loop in another thread than the client's.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from sims_api.app import create_app, with_edge
from sims_api.server import config_of
from sims_api.settings import ApiSettings

T = TypeVar("T")


class LiveServer:
    """Serves the application that is mounted just now, on loopback."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        # The protocol is named so that asyncio sets TCP_NODELAY: else 40 ms for each answer.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        settings = ApiSettings(database_url=SecretStr(""), secret_key=SecretStr("-" * 32))
        config = config_of(self._serve, settings)
        config.lifespan = "off"
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="live-server")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._loop.close()
        self._socket.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs ``work`` in the server's event loop, where the engine of the API lives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    @contextlib.contextmanager
    def mounted(self, settings: ApiSettings) -> Iterator[FastAPI]:
        """An application of these settings, started, served and closed again."""
        app = create_app(settings)
        lifespan = app.router.lifespan_context(app)
        self.run(_enter(lifespan))
        before, self._app = self._app, with_edge(app)
        try:
            yield app
        finally:
            self._app = before
            self.run(_leave(lifespan))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve(sockets=[self._socket]))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._app is not None, "no application is mounted"
        await self._app(scope, receive, send)


async def _enter(lifespan: contextlib.AbstractAsyncContextManager[Any]) -> None:
    await lifespan.__aenter__()


async def _leave(lifespan: contextlib.AbstractAsyncContextManager[Any]) -> None:
    await lifespan.__aexit__(None, None, None)
