"""An HTTP proxy between client and store that misbehaves on chosen requests."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

Kind = Literal["status", "hang", "reset", "wrong_etag", "truncate", "lost", "slow"]
_HOP = {"connection", "transfer-encoding", "keep-alive"}


@dataclass(frozen=True)
class Seen:
    """One request; ``number`` counts from 1."""

    number: int
    method: str
    path: str
    operation: str


@dataclass(frozen=True)
class Fault:
    """What happens to a request for which ``when`` is true.

    ``status``: answered with ``code`` and not passed on. ``hang``: never answered. ``reset``:
    the connection breaks after ``after`` bytes of the request's body. ``wrong_etag``: passed
    on, the answer's ETag changed. ``truncate``: the answer's body is cut after ``after``
    bytes. ``lost``: passed on, its answer thrown away. ``slow``: ten bytes a second.
    """

    kind: Kind
    when: Callable[[Seen], bool]
    code: int = 503
    after: int = 0


class FaultProxy:
    """Listens on loopback; ``faults`` may be changed at any time."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.hit = 0
        self.stopping = threading.Event()
        self._guard = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self})
        )
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def note(self, method: str, path: str) -> tuple[Seen, Fault | None]:
        with self._guard:
            seen = Seen(len(self.seen) + 1, method, path, operation(method, path))
            self.seen.append(seen)
            fault = next((f for f in self.faults if f.when(seen)), None)
            self.hit += fault is not None
            return seen, fault

    def reset(self, *faults: Fault) -> None:
        with self._guard:
            self.faults = list(faults)
            self.seen = []
            self.hit = 0

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


def operation(method: str, path: str) -> str:
    """The S3 operation a request asks for, by method and query."""
    query = parse_qs(urlsplit(path).query, keep_blank_values=True)
    if "uploads" in query:
        return "CreateMultipartUpload" if method == "POST" else "ListMultipartUploads"
    if "uploadId" in query:
        return {
            "PUT": "UploadPart",
            "POST": "CompleteMultipartUpload",
            "DELETE": "AbortMultipartUpload",
        }[method]
    if "delete" in query:
        return "DeleteObjects"
    if "list-type" in query:
        return "ListObjects"
    return {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject"}.get(method, method)


class _Handler(BaseHTTPRequestHandler):
    """Bound to its proxy by a subclass made for each."""

    proxy: ClassVar[FaultProxy]
    protocol_version = "HTTP/1.1"

    def serve(self) -> None:
        _, fault = self.proxy.note(self.command, self.path)
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        length = int(self.headers.get("Content-Length") or 0)
        if fault is not None and fault.kind == "reset":
            self.rfile.read(min(length, fault.after))
            _cut(self.connection)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if fault is not None and fault.kind == "hang":
            self.proxy.stopping.wait(300)
            self.close_connection = True
            return
        if fault is not None and fault.kind == "status":
            self._error(fault.code)
            return
        self._forward(body, fault)

    def _error(self, code: int) -> None:
        name = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}.get(code, "Error")
        text = f"<Error><Code>{name}</Code><Message>fault</Message></Error>".encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _forward(self, body: bytes, fault: Fault | None) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "expect"}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if fault is not None and fault.kind == "lost":
            _cut(self.connection)
            self.close_connection = True
            return
        self._answer(answer, content, fault)

    def _answer(
        self, answer: http.client.HTTPResponse, content: bytes, fault: Fault | None
    ) -> None:
        kind = fault.kind if fault else ""
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() in _HOP:
                continue
            wrong = kind == "wrong_etag" and name.lower() == "etag"
            self.send_header(name, '"0123456789abcdef"' if wrong else value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if kind == "wrong_etag":
            content = re.sub(rb"<ETag>[^<]*</ETag>", b"<ETag>0</ETag>", content)
            content = content[: int(answer.getheader("Content-Length") or len(content))]
        if kind == "truncate" and fault is not None:
            self.wfile.write(content[: fault.after])
            _cut(self.connection)
            self.close_connection = True
        elif kind == "slow":
            self._drip(content)
        else:
            self.wfile.write(content)

    def _drip(self, content: bytes) -> None:
        for start in range(0, len(content), 10):
            if self.proxy.stopping.is_set():
                return
            self.wfile.write(content[start : start + 10])
            self.wfile.flush()
            time.sleep(1)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve  # noqa: N815  names of http.server

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the tests look at ``self.proxy.seen``."""

    @override
    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the client gave up, as the fault wants


def _cut(connection: socket.socket) -> None:
    """Ends a connection at once."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was quicker
