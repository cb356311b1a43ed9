"""A throw-away PostgreSQL server, started as an unprivileged user when we are root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from sims_backup.postgres.clients import Client, find_clients
from sims_backup.testing.ports import free_port

_QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "max_connections": "100",
    "max_prepared_transactions": "5",
    "max_wal_size": "4GB",
}


def binaries(major: int) -> Path | None:
    """A directory with ``initdb`` and ``postgres`` of that major, or None."""
    configured = os.environ.get(f"SIMS_TEST_PG{major}_BIN", "")
    for client in find_clients(configured):
        if client.major == major and (client.folder / "postgres").is_file():
            return client.folder
    return None


def client_of(major: int) -> Client | None:
    configured = os.environ.get(f"SIMS_TEST_PG{major}_BIN", "")
    return next((c for c in find_clients(configured) if c.major == major), None)


@dataclass
class TestServer:
    """``start`` runs initdb and the server on a loopback port; ``stop`` removes both."""

    __test__ = False  # no test class, whatever its name says

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    parent: str | None = None
    port: int = 0

    def start(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="sims-pg-", dir=self.parent))
        account = _account()
        if account is not None:
            os.chown(self._home, account.pw_uid, account.pw_gid)
        self._user: dict[str, Any] = (
            {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        )
        self.data = self._home / "data"
        locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
        self._tool("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", *locale)
        self.port = free_port()
        self._log = (self._home / "log").open("wb")
        options = {**_QUICK, **self.settings, "listen_addresses": "127.0.0.1"}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        argv = [self.folder / "postgres", "-D", self.data, "-p", self.port, "-k", self._home]
        self.process = subprocess.Popen(  # noqa: S603  our own server
            [*map(str, argv), *flags],
            stdout=self._log,
            stderr=self._log,
            cwd=self._home,
            env=_environment(self._home),
            **self._user,
        )
        self._tool("pg_isready", "-h", "127.0.0.1", "-p", self.port, "-t", 30, retry=True)

    def _tool(self, name: str, *arguments: object, retry: bool = False) -> None:
        argv = [str(self.folder / name), *map(str, arguments)]
        for _ in range(200 if retry else 1):
            done = subprocess.run(  # noqa: S603  fixed tools
                argv,
                capture_output=True,
                text=True,
                cwd=self._home,
                env=_environment(self._home),
                check=False,
                timeout=120,
                **self._user,
            )
            if done.returncode == 0:
                return
        raise RuntimeError(f"{name} failed: {done.stderr or done.stdout}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)
        self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def url(self, database: str, *, user: str = "postgres", password: str = "") -> str:
        who = f"{user}:{password}" if password else user
        return f"postgresql://{who}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def run(self, database: str, *statements: str) -> None:
        with self.connect(database) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def rows(self, database: str, query: str) -> list[tuple[Any, ...]]:
        with self.connect(database) as connection:
            return connection.execute(query.encode()).fetchall()

    def create(self, name: str, template: str = "template0") -> None:
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )

    def drop(self, *names: str) -> None:
        with self.connect() as connection:
            for name in names:
                connection.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )

    def databases(self) -> list[str]:
        found = self.rows("postgres", "SELECT datname FROM pg_database ORDER BY 1")
        return [row[0] for row in found if not row[0].startswith("template")]


def _account() -> pwd.struct_passwd | None:
    """Whom to become: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return None
    names: Sequence[str] = ("postgres", "nobody")
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in names if name in known)


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "LC_ALL": "C"}
