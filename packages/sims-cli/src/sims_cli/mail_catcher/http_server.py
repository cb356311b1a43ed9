"""The HTTP side of the mail catcher: on 127.0.0.1, for this machine's browser and programs."""

from __future__ import annotations

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

from sims_cli.mail_catcher.answers import Answer, MailPages, problem
from sims_common.logs import get_logger

log = get_logger(__name__)

_LOCAL = re.compile(r"(localhost|127\.0\.0\.1)(:\d+)?", re.IGNORECASE)
_LARGEST_BODY = 65536


class MailServer(ThreadingHTTPServer):
    """The caller runs ``serve_forever`` in a thread and closes it."""

    daemon_threads = True

    def __init__(self, port: int, pages: MailPages) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.pages = pages


class _Handler(BaseHTTPRequestHandler):
    timeout = 30  # seconds for a request to arrive
    server: MailServer

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        # Another site's page may not reach us through a name that it points here.
        if not _LOCAL.fullmatch(self.headers.get("Host", "")):
            self._send(problem(421, "Ask for localhost or 127.0.0.1."))
            return
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            self._send(problem(413, f"At most {_LARGEST_BODY} bytes."))
            return
        body = self.rfile.read(int(length))
        self._send(self.server.pages.answer(self.command, self.path, body))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        log.debug("mail page", request=format % args)
