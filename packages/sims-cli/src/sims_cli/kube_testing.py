"""For tests: the little of Kubernetes' API that `sims secrets` speaks to, over real HTTP."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

from sims_cli.kube import Kube

TOKEN = "a-token"  # noqa: S105 (of the double alone)
PATH = "/api/v1/namespaces/college/secrets"


class Cluster:
    """``secrets`` by name; ``rivals`` are made by somebody else just before the next write."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict[str, Any]] = {}
        self.rivals: list[dict[str, Any]] = []
        self.forbidden = False

    def value(self, name: str, key: str) -> str:
        return base64.b64decode(self.secrets[name]["data"][key]).decode()

    def put(self, name: str, values: dict[str, str]) -> None:
        data = {k: base64.b64encode(v.encode()).decode() for k, v in values.items()}
        version = str(int(self._version(name)) + 1)
        meta = {"name": name, "resourceVersion": version}
        self.secrets[name] = {"metadata": meta, "data": data}

    def _version(self, name: str) -> str:
        return str(self.secrets.get(name, {"metadata": {}})["metadata"].get("resourceVersion", 0))

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.forbidden:
            return 403, {"message": "secrets is forbidden: no RBAC policy matched"}
        name = path.removeprefix(PATH).strip("/")
        if method != "GET" and self.rivals:
            rival = self.rivals.pop(0)
            self.put(rival["name"], rival["values"])
        if method == "GET":
            missing = (404, {"message": f'secrets "{name}" not found'})
            return (200, self.secrets[name]) if name in self.secrets else missing
        return self._create(body) if method == "POST" else self._change(name, body)

    def _create(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name = body["metadata"]["name"]
        if name in self.secrets:
            return 409, {"message": "already exists"}
        self.secrets[name] = {**body, "metadata": {**body["metadata"], "resourceVersion": "1"}}
        return 201, self.secrets[name]

    def _change(self, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["metadata"]["resourceVersion"] != self._version(name):
            return 409, {"message": "the object has been modified"}
        self.secrets[name]["data"].update(body["data"])
        return 200, self.secrets[name]


@contextmanager
def running(cluster: Cluster) -> Iterator[Kube]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, found = 401, {"message": "Unauthorized"}
            else:
                status, found = cluster.answer(self.command, self.path, body)
            answer = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 (the names http.server asks for)

        @override
        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Kube("127.0.0.1", server.server_address[1], TOKEN, None)
    finally:
        server.shutdown()
        server.server_close()
