"""The statements that a request sends to the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from services.api.tests.conftest import Api
from sqlalchemy import event

Statement = tuple[str, Any]


@contextmanager
def sent_by(api: Api) -> Iterator[list[Statement]]:
    """Collects (SQL, parameters) while it is open."""
    found: list[Statement] = []

    def note(_c: Any, _cursor: Any, sql: str, parameters: Any, _ctx: Any, _many: bool) -> None:
        found.append((sql, parameters))

    engine = api.app.state.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def lists(api: Api) -> list[str]:
    """Paths of the lists, by their description."""
    return [
        path
        for path, operations in api.app.openapi()["paths"].items()
        if any(p["name"] == "page_size" for p in operations.get("get", {}).get("parameters", []))
        and "{" not in path
        and "import" not in path
    ]
