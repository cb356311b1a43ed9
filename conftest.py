"""Real servers for the tests of every package.

Each pytest process (each xdist worker) runs one PostgreSQL and one Valkey of its own, on
Unix sockets in a temporary directory. A test gets a new database, cloned from one that was
migrated once.
"""

from __future__ import annotations

import itertools
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sims_cli.stack.postgres import ROLE, PostgresConfig, PostgresServer
from sims_cli.stack.valkey import ValkeyConfig, ValkeyServer
from sims_common.settings import DatabaseSettings
from sims_core import db, migrate

TEMPLATE = "sims_template"
_numbers = itertools.count(1)
_QUICK = {"shared_buffers": "64MB", "autovacuum": "off", "max_connections": "200"}


@pytest.fixture(autouse=True)
def _own_log_handlers() -> Iterator[None]:
    """A command that a test runs in this process sets logging up; the next test has its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    """A directory with a short path that the servers' accounts may enter."""
    home = Path(tempfile.mkdtemp(prefix="sims-test-"))
    home.chmod(0o711)
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def postgres_server(server_home: Path) -> Iterator[PostgresServer]:
    """A running server; ``connect()`` gives a superuser's connection."""
    config = PostgresConfig(
        home=server_home / "postgres",
        superuser_password=server_home / "secrets" / "superuser",
        password=server_home / "secrets" / "role",
        durable=False,
        settings=_QUICK,
    )
    with PostgresServer(config) as server:
        yield server


def _settings(server: PostgresServer, database: str) -> DatabaseSettings:
    return DatabaseSettings(database_url=SecretStr(server.url(database)))


@pytest.fixture(scope="session")
def template_database(postgres_server: PostgresServer) -> str:
    """The name of a migrated database that nobody is connected to."""
    with postgres_server.connect() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(TEMPLATE), sql.Identifier(ROLE)
            )
        )
    engine = db.engine(_settings(postgres_server, TEMPLATE), service="tests", pool_size=0)
    migrate.upgrade(engine)
    engine.dispose()
    return TEMPLATE


@pytest.fixture
def database(postgres_server: PostgresServer, template_database: str) -> Iterator[DatabaseSettings]:
    """A new migrated database of the role ``sims``, dropped after the test."""
    name = f"sims_test_{next(_numbers)}"
    with postgres_server.connect() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY OWNER {}").format(
                sql.Identifier(name), sql.Identifier(template_database), sql.Identifier(ROLE)
            )
        )
        yield _settings(postgres_server, name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def engine(database: DatabaseSettings) -> Iterator[Engine]:
    """A sync engine on the test's database."""
    found = db.engine(database, service="tests")
    yield found
    found.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that the test commits itself; what is open at the end is rolled back."""
    with Session(engine) as found:
        yield found


@pytest.fixture(scope="session")
def valkey_server(server_home: Path) -> Iterator[ValkeyServer]:
    with ValkeyServer(ValkeyConfig(server_home / "valkey", durable=False)) as server:
        yield server


@pytest.fixture
def redis_url(valkey_server: ValkeyServer) -> str:
    """The URL of an empty Valkey."""
    with Redis.from_url(valkey_server.url()) as client:
        client.flushall()
    return valkey_server.url()
