"""Keeps the legacy modules read-only, before sign-in and routing."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from sims_api import problems
from sims_common.errors import Conflict

PREFIX = "/api/legacy/"
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class LegacyWritesDisabled(Conflict):
    code = "LEGACY_WRITES_DISABLED"
    title = "The legacy modules are read-only"


class LegacyGate:
    """Answers every write under ``/api/legacy/`` with a 409 (source: the known API's gate)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and refused(scope["path"], scope["method"]):
            problem = LegacyWritesDisabled(
                "Use the module that replaces it, or set SIMS_ALLOW_LEGACY_WRITES.",
                details={
                    "path": scope["path"],
                    "method": scope["method"],
                    "documentation": "docs/CANONICAL_MODULES.md",
                },
            )
            await problems.response(problem, scope["path"])(scope, receive, send)
            return
        await self.app(scope, receive, send)


def refused(path: str, method: str) -> bool:
    return path.startswith(PREFIX) and method in WRITES
