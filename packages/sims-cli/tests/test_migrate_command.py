"""`sims migrate --wait`: an init container starts before the database does."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from sims_cli.stack.postgres import ROLE, PostgresServer
from sims_cli.testing import Sims, free_port
from sims_core import migrate


def test_it_waits_for_a_database_that_comes_later(
    sims: Sims, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        if not naps:
            with postgres_server.connect() as connection:
                connection.execute(f"CREATE DATABASE late OWNER {ROLE}")
        naps.append(seconds)

    monkeypatch.setattr("sims_cli.database.time.sleep", nap)
    monkeypatch.setenv("SIMS_DATABASE_URL", postgres_server.url("late"))
    ran = sims("migrate", "--wait", "60", "-o", "json")
    assert ran.code == 0, ran.err
    assert ran.json == {"before": None, "after": migrate.head(), "changed": True}
    assert naps == [1]
    assert "waiting up to 60 s. The database does not answer" in ran.err
    assert 'database "late" does not exist' in ran.err


def test_it_gives_up_with_the_reason(sims: Sims, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql://sims:secret@127.0.0.1:{free_port()}/sims"
    monkeypatch.setenv("SIMS_DATABASE_URL", url)
    ran = sims("migrate", "--wait", "1")
    assert ran.code == 69
    assert ran.err.count("waiting up to") == 1
    assert "correct SIMS_DATABASE_URL" in ran.err
    assert "secret" not in ran.err


def test_a_database_that_answers_is_not_waited_for(
    configured: Sims, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sims_cli.database.time.sleep", pytest.fail)
    assert configured("migrate", "--wait", "60").code == 0


def test_a_refused_password_is_not_waited_for(
    sims: Sims, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sims_cli.database.time.sleep", pytest.fail)
    right = postgres_server.url("postgres")
    password = urlsplit(right).password
    assert password
    monkeypatch.setenv("SIMS_DATABASE_URL", right.replace(password, "not-the-password"))
    ran = sims("migrate", "--wait", "60")
    assert ran.code == 69
    assert "password authentication failed" in ran.err
    assert "not-the-password" not in ran.err
