"""Engines and sessions: one URL, an async side for the API and a sync side for the rest."""

from __future__ import annotations

import select
from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sims_common.settings import DatabaseSettings

CONNECT_TIMEOUT = 3  # seconds


def database_url(settings: DatabaseSettings) -> URL:
    """The configured URL with the psycopg 3 driver, whatever driver it named."""
    return make_url(settings.database_url.get_secret_value()).set(drivername="postgresql+psycopg")


def _connect_args(service: str, statement_timeout: int) -> dict[str, Any]:
    """libpq arguments; ``statement_timeout`` in seconds, 0 for none."""
    options = {
        "statement_timeout": f"{statement_timeout}s",
        "idle_in_transaction_session_timeout": "15s",
        "timezone": "UTC",
    }
    return {
        "application_name": service,
        "connect_timeout": CONNECT_TIMEOUT,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }


def async_engine(settings: DatabaseSettings, *, service: str) -> AsyncEngine:
    """Pooled engine of the API: a full pool answers 503 after ``database_pool_timeout``."""
    found = create_async_engine(
        database_url(settings),
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_max_overflow,
        pool_timeout=settings.database_pool_timeout,
        pool_recycle=1800,
        connect_args=_connect_args(service, statement_timeout=30),
        hide_parameters=True,
    )
    event.listen(found.sync_engine, "checkout", _refuse_closed)
    return found


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Replaces a pooled connection that the server has closed, without a round trip.

    An idle connection has nothing to read; if its socket is readable, the server said
    goodbye (restart, timeout, terminated) and the pool opens another.
    """
    socket = connection.driver_connection.pgconn.socket
    poll = select.poll()
    poll.register(socket, select.POLLIN | select.POLLHUP)
    if poll.poll(0):
        raise DisconnectionError


def engine(
    settings: DatabaseSettings, *, service: str, pool_size: int = 2, statement_timeout: int = 60
) -> Engine:
    """Sync engine of worker and CLI; ``pool_size=0`` opens a connection for each use."""
    pool: dict[str, Any] = {"poolclass": NullPool}
    if pool_size:
        pool = {"pool_size": pool_size, "pool_pre_ping": True, "pool_recycle": 1800}
    return create_engine(
        database_url(settings),
        connect_args=_connect_args(service, statement_timeout),
        hide_parameters=True,  # an error's text reaches logs; names and addresses must not
        **pool,
    )
