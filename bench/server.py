"""A real installation for measuring: PostgreSQL from the wheel, a real `sims-api` process."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from psycopg import sql
from sqlalchemy import Engine, text

from sims_cli.stack.postgres import ROLE, PostgresConfig, PostgresServer
from sims_common.settings import DatabaseSettings
from sims_core import db, migrate
from sims_core.passwords import generate, hash_password

PASSWORD = generate()


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A durable server in a temporary directory (durable: what a user gets)."""
    home = Path(tempfile.mkdtemp(prefix="sims-bench-"))
    home.chmod(0o711)
    config = PostgresConfig(
        home=home / "postgres",
        superuser_password=home / "secrets" / "superuser",
        password=home / "secrets" / "role",
    )
    try:
        with PostgresServer(config) as server:
            yield server
    finally:
        shutil.rmtree(home)


def new_database(server: PostgresServer, name: str) -> str:
    """The URL of a new migrated database."""
    with server.connect() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(ROLE)
            )
        )
    engine = engine_of(server.url(name))
    migrate.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(_ADMIN, {"hash": hash_password(PASSWORD)})
    engine.dispose()
    return server.url(name)


_ADMIN = text(
    "WITH u AS (INSERT INTO user_account (username, email, password_hash, full_name)"
    " VALUES ('bench', 'bench@example.edu', :hash, 'Bench') RETURNING id)"
    " INSERT INTO user_role SELECT u.id, r.id FROM u, role r WHERE r.name = 'Admin'"
)


def engine_of(url: str) -> Engine:
    return db.engine(DatabaseSettings(database_url=url), service="bench", statement_timeout=0)


@dataclass
class Api:
    """A running API and the means to ask and to weigh it."""

    process: psutil.Process
    connection: http.client.HTTPConnection
    headers: dict[str, str]

    def get(self, path: str) -> Any:
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"GET {path}: {answer.status} {body[:300]!r}")
        return body

    def cpu(self) -> float:
        """CPU seconds of the API process so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss(self) -> int:
        """Resident memory, bytes."""
        return int(self.process.memory_info().rss)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def api(database_url: str) -> Iterator[Api]:
    """`sims-api` on a free port, signed in."""
    port = free_port()
    environment = {
        **os.environ,
        "SIMS_DATABASE_URL": database_url,
        "SIMS_SECRET_KEY": generate(48),
        "SIMS_API_PORT": str(port),
        "SIMS_API_SIDE_PORT": "0",
        "SIMS_LOG_LEVEL": "WARNING",
    }
    command = [str(Path(sys.executable).with_name("sims-api"))]
    process = subprocess.Popen(command, env=environment)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        _wait(connection)
        yield Api(psutil.Process(process.pid), connection, _sign_in(connection))
    finally:
        connection.close()
        process.terminate()
        process.wait(30)


def _wait(connection: http.client.HTTPConnection) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            connection.request("GET", "/api/health/")
            if connection.getresponse().read():
                return
        except OSError:
            connection.close()
            time.sleep(0.1)
    raise RuntimeError("the API did not start within 60 s")


def _sign_in(connection: http.client.HTTPConnection) -> dict[str, str]:
    body = json.dumps({"identifier": "bench", "password": PASSWORD})
    connection.request("POST", "/api/auth/login/", body, {"Content-Type": "application/json"})
    access = json.loads(connection.getresponse().read())["tokens"]["access"]
    return {"Authorization": f"Bearer {access}"}
