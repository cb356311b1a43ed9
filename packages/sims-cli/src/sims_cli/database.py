"""The database that a command works on: the configured one, else the local installation's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from sims_cli.state import find, use_local_installation
from sims_common.settings import DatabaseSettings, load
from sims_core import db


@contextmanager
def connected(service: str, *, statement_timeout: int = 60) -> Iterator[Engine]:
    """An engine that opens a connection for each use; ``statement_timeout`` in seconds."""
    use_local_installation(find())
    engine = db.engine(
        load(DatabaseSettings), service=service, pool_size=0, statement_timeout=statement_timeout
    )
    try:
        yield engine
    finally:
        engine.dispose()
