"""The API on a real server with a real database, and rows for it."""

from __future__ import annotations

import io
import json
import logging
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from psycopg import sql
from pydantic import SecretStr
from services.api.tests.factories import Make
from services.api.tests.live_server import LiveServer
from sqlalchemy.orm import Session

from sims_api.settings import ApiSettings
from sims_cli.stack.postgres import ROLE, PostgresServer
from sims_common import logs
from sims_common.clock import now
from sims_common.settings import DatabaseSettings, LogSettings
from sims_core import db
from sims_core.models import User
from sims_transcripts import signing

for _chatty in ("httpx", "httpcore"):  # the client's own debug lines are no part of ours
    logging.getLogger(_chatty).setLevel(logging.WARNING)

SIGNING_KEY, SIGNING_CERTIFICATE = signing.self_signed("Test College", now=now())
SECRET = "a-secret-key-for-tests-with-enough-characters"


@dataclass
class Api:
    """The application of a test and clients of it."""

    server: LiveServer
    app: FastAPI
    make: Make
    _open: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def client(self, token: str | None = None, **headers: str) -> httpx.Client:
        """A client that sends ``token``; it answers with a 500 as a browser would see it."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        made = httpx.Client(base_url=self.url, headers=headers, verify=False, timeout=30)
        return self._open.enter_context(made)

    def token(self, user: User) -> str:
        """An access token of a new sign-in, without the price of a password."""
        found: str = self.app.state.tokens.issue(user.id, self.make.auth_session(user).id)
        return found

    def sign_in(self, user: User) -> httpx.Client:
        return self.client(self.token(user))

    def as_(self, *roles: str, **values: Any) -> httpx.Client:
        """A client of a new user with these roles."""
        return self.sign_in(self.make.user(*roles, **values))

    def close(self) -> None:
        self._open.close()


def problem_of(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem in ``answer``, whose every member is as RFC 9457 and design §3.5 ask."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    members = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}
    assert members <= body.keys()
    assert body["type"] == f"urn:sims:problem:{body['code']}"
    assert body["status"] == status
    assert body["code"] == code, body
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    for wrong in body["errors"]:
        assert wrong.keys() == {"pointer", "code", "message"}
    return body


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    root = logging.getLogger()
    before = root.handlers[:]
    logs.configure(LogSettings(log_format="json"), service="api")
    root.handlers[:] = before  # what is logged goes to pytest, which shows it of failed tests
    server = LiveServer()
    server.start()
    yield server
    server.stop()


def api_settings(database: DatabaseSettings, **overrides: Any) -> ApiSettings:
    values: dict[str, Any] = {
        "database_url": database.database_url,
        "secret_key": SecretStr(SECRET),
        "institution_name": "Test College",
        "signing_key": SecretStr(SIGNING_KEY),
        "signing_certificate": SIGNING_CERTIFICATE,
        "public_url": "https://sims.college.example",
    }
    return ApiSettings(**values | overrides)


@contextmanager
def running(server: LiveServer, make: Make, settings: ApiSettings) -> Iterator[Api]:
    with server.mounted(settings) as app:
        api = Api(server, app, make)
        yield api
        api.close()


@pytest.fixture
def make(session: Session) -> Make:
    return Make(session)


@pytest.fixture
def start_api(
    live_server: LiveServer, database: DatabaseSettings, make: Make
) -> Iterator[Callable[..., Api]]:
    """Starts the API with settings of its own; the last one started answers."""
    with ExitStack() as stack:

        def start(**overrides: Any) -> Api:
            settings = api_settings(database, **overrides)
            return stack.enter_context(running(live_server, make, settings))

        yield start


@pytest.fixture
def api(start_api: Callable[..., Api]) -> Api:
    """The API on a database of the test's own."""
    return start_api()


@pytest.fixture(scope="module")
def shared_api(
    live_server: LiveServer, postgres_server: PostgresServer, template_database: str
) -> Iterator[Api]:
    """The API on a database that the tests of a module share: for those that bring their own
    rows and mind no others."""
    name = sql.Identifier(f"shared_{uuid.uuid4().hex}")
    with postgres_server.connect() as connection:
        create = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY OWNER {}"
        template = sql.Identifier(template_database)
        connection.execute(sql.SQL(create).format(name, template, sql.Identifier(ROLE)))
        url = postgres_server.url(name.as_string().strip('"'))
        database = DatabaseSettings(database_url=SecretStr(url))
        engine = db.engine(database, service="tests")
        with (
            Session(engine) as session,
            running(live_server, Make(session), api_settings(database)) as api,
        ):
            yield api
        engine.dispose()
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


class LogLines:
    """What the process wrote to its log."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.all() if line["event"] == event]


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[LogLines]:
    """JSON logs at DEBUG, as a container writes them."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        logs.configure(LogSettings(log_level="DEBUG", log_format="json"), service="api")
    yield LogLines(stream)
    root.handlers[:] = before
    root.setLevel(level)
