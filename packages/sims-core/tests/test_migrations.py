"""Migrations on a real, empty database."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import Engine, text

from sims_cli.stack.postgres import ROLE, PostgresServer
from sims_common.settings import DatabaseSettings
from sims_core import db, migrate


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[Engine]:
    name = sql.Identifier("sims_migrations")
    with postgres_server.connect() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(ROLE))
        )
        settings = DatabaseSettings(database_url=SecretStr(postgres_server.url("sims_migrations")))
        engine = db.engine(settings, service="tests", pool_size=0)
        yield engine
        engine.dispose()
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _mark(engine: Engine) -> str | None:
    with engine.connect() as connection:
        found: str | None = connection.scalar(
            text("SELECT obj_description('alembic_version'::regclass)")
        )
    return found


def test_upgrade_gives_what_the_models_say(empty: Engine) -> None:
    assert migrate.upgrade(empty) == (None, migrate.head())
    with empty.connect() as connection:
        command.check(migrate.config(connection))  # raises when they differ
        assert migrate.pending(connection) == 0
    assert migrate.upgrade(empty) == (migrate.head(), migrate.head())


def test_everything_can_be_taken_back_and_done_again(empty: Engine) -> None:
    migrate.upgrade(empty)
    with empty.connect() as connection:
        command.downgrade(migrate.config(connection), "base")
        left = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        assert {row.tablename for row in left} == {"alembic_version"}
        functions = connection.execute(
            text("SELECT proname FROM pg_proc WHERE proname LIKE 'sims%'")
        )
        assert functions.all() == []
        connection.commit()
    assert migrate.upgrade(empty) == (None, migrate.head())


def test_four_at_once_migrate_once(empty: Engine) -> None:
    results: list[tuple[str | None, str | None]] = []
    threads = [
        threading.Thread(target=lambda: results.append(migrate.upgrade(empty))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results, key=str) == sorted(
        [(None, migrate.head()), *[(migrate.head(), migrate.head())] * 3], key=str
    )


def test_a_locked_table_is_given_up_with_advice(
    empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(migrate, "ATTEMPTS", 2)
    migrate.upgrade(empty, "0002")
    with empty.connect() as busy:
        busy.execute(text("LOCK TABLE program IN ACCESS SHARE MODE"))
        busy.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(migrate.MigrationFailed, match="pg_stat_activity"):
            migrate.upgrade(empty)
    assert migrate.upgrade(empty)[1] == migrate.head()


def test_a_database_ahead_of_this_program_has_nothing_pending(empty: Engine) -> None:
    migrate.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from-the-future'"))
    with empty.connect() as connection:
        assert migrate.current(connection) == "from-the-future"
        assert migrate.schema(connection) == migrate.Schema("from-the-future")
    assert migrate.upgrade(empty) == ("from-the-future", "from-the-future")


def test_a_database_too_far_ahead_is_refused(empty: Engine) -> None:
    migrate.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from-the-future'"))
        connection.execute(
            text("COMMENT ON TABLE alembic_version IS 'oldest program: also-unknown'")
        )
    with empty.connect() as connection:
        assert migrate.schema(connection).too_new
        assert not migrate.schema(connection).fits
    with pytest.raises(migrate.MigrationFailed, match="Run the program that migrated it"):
        migrate.upgrade(empty)


def test_a_contracting_revision_marks_the_database(
    empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = ScriptDirectory.from_config(migrate.config())
    contracting = scripts.get_revision("0003").module
    monkeypatch.setattr(contracting, "oldest_program", "0002", raising=False)
    monkeypatch.setattr(ScriptDirectory, "from_config", lambda _: scripts)
    migrate.upgrade(empty, "0002")
    assert _mark(empty) is None
    migrate.upgrade(empty)
    assert _mark(empty) == "oldest program: 0002"


def test_an_empty_database_has_all_of_them_pending(empty: Engine) -> None:
    with empty.connect() as connection:
        assert migrate.pending(connection) == len(migrate.known_revisions())
