"""The audit trail: every writer is recorded, and no change of the trail goes unnoticed."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from sims_cli.stack.postgres import ROLE, PostgresServer
from sims_common.settings import DatabaseSettings
from sims_core import audit_tables
from sims_core.audit_protection import OWNER, protect
from sims_core.audit_verification import CHAINS, Report, Seal, key_of, seal, verify
from sims_core.models import AuditEvent, Base, Department, Role, User

KEY = key_of("a-secret-key-of-the-tests-of-the-trail")
EVENTS = 40
FORGED = (
    "CREATE OR REPLACE FUNCTION sims_audit_refuse() RETURNS trigger LANGUAGE plpgsql"
    " AS $$BEGIN RETURN NULL; END$$"
)


def checked(engine: Engine, *elsewhere: Seal) -> Report:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        return verify(connection, [KEY], elsewhere)


def events(session: Session, entity: str = "department") -> list[tuple[str, str | None, Any]]:
    session.rollback()
    found = session.scalars(select(AuditEvent).where(AuditEvent.entity == entity).order_by("id"))
    return [(e.action, e.entity_id, e.changes) for e in found]


@pytest.fixture
def superuser(
    postgres_server: PostgresServer, database: DatabaseSettings
) -> Iterator[psycopg.Connection]:
    name = database.database_url.get_secret_value().partition("?")[0].rpartition("/")[2]
    with postgres_server.connect(name) as connection:
        yield connection


@pytest.fixture
def trail(engine: Engine) -> Engine:
    """Events of many transactions, spread over the chains, and a seal in the middle."""
    for n in range(EVENTS):
        with Session(engine) as session, session.begin():
            session.add(Department(name=f"Department {n}", code=f"D{n}"))
        if n == EVENTS // 2:
            with engine.begin() as connection:
                seal(connection, KEY)
    report = checked(engine)
    assert (report.events, report.seals, report.findings) == (EVENTS, 1, [])
    return engine


def test_every_table_is_followed_or_says_why_not(engine: Engine) -> None:
    with engine.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT c.relname, count(*) AS n FROM pg_trigger t"
                " JOIN pg_class c ON c.oid = t.tgrelid"
                " JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.proname = 'sims_audit_rows' GROUP BY 1"
            )
        )
        followed = {row.relname: row.n for row in rows}
        assert audit_tables.attach(connection) == []
    assert followed.keys() | audit_tables.NOT_AUDITED.keys() == Base.metadata.tables.keys()
    assert not followed.keys() & audit_tables.NOT_AUDITED.keys()
    assert set(followed.values()) == {4}
    named = {*audit_tables.SECRETS, *audit_tables.IGNORED}
    for table in named:
        columns = Base.metadata.tables[table].columns.keys()
        assert {*audit_tables.SECRETS.get(table, ()), *audit_tables.IGNORED.get(table, ())} <= set(
            columns
        )


def test_each_way_to_write_is_recorded_with_old_and_new_values(session: Session) -> None:
    session.add(Department(name="Old", code="A"))
    session.commit()
    (id_,) = session.scalars(select(Department.id))
    session.execute(update(Department).values(name="New"))  # no row of the ORM
    session.execute(text("UPDATE department SET updated_at = now()"))  # nothing that counts
    session.execute(insert(Department), [{"name": "B", "code": "B"}, {"name": "C", "code": "C"}])
    session.execute(delete(Department).where(Department.id == id_))
    session.commit()
    first = {"name": [None, "Old"], "code": [None, "A"], "id": [None, id_]}
    found = events(session)
    assert found[0] == ("create", str(id_), first | {"description": [None, ""]})
    assert found[1] == ("update", str(id_), {"name": ["Old", "New"]})
    assert [(action, changes["code"]) for action, _, changes in found[2:4]] == [
        ("create", [None, "B"]),
        ("create", [None, "C"]),
    ]
    gone = {"name": ["New", None], "code": ["A", None], "id": [id_, None]}
    assert found[4] == ("delete", str(id_), gone | {"description": ["", None]})
    assert len(found) == 5


def test_what_is_rolled_back_leaves_no_event(session: Session) -> None:
    session.add(Department(name="Never", code="N"))
    session.flush()
    session.rollback()
    assert events(session) == []


def test_of_a_secret_only_the_change_is_recorded(session: Session) -> None:
    user = User(username="u", email="u@example.edu", password_hash="hash-of-the-first")
    session.add(user)
    session.commit()
    user.password_hash = "hash-of-the-second"
    session.commit()
    found = events(session, "user_account")
    assert found[1] == ("update", str(user.id), {"password_hash": ["***", "***"]})
    assert "hash-of" not in json.dumps(found)


def test_a_load_of_many_rows_is_one_event(session: Session) -> None:
    rows = [{"name": f"N{n}", "code": f"C{n}"} for n in range(5001)]
    session.connection().execute(
        text(
            "INSERT INTO department (name, code) SELECT r->>'name', r->>'code'"
            " FROM jsonb_array_elements(CAST(:rows AS jsonb)) r"
        ),
        {"rows": json.dumps(rows)},
    )
    session.commit()
    assert events(session) == [("load", None, {"rows": 5001})]
    session.execute(text("TRUNCATE department CASCADE"))
    session.commit()
    assert events(session)[-1] == ("truncate", None, {"rows": None})


def test_writers_at_once_get_whole_chains_and_do_not_wait_for_each_other(engine: Engine) -> None:
    with engine.connect() as waiting, waiting.begin():  # holds its chain until the end
        waiting.execute(text("INSERT INTO role (name) VALUES ('slow')"))

        def write(writer: int) -> None:
            for n in range(10):
                with Session(engine) as session, session.begin():
                    session.add(Role(name=f"{writer}-{n}"))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
    report = checked(engine)
    assert (report.events, report.findings) == (61, [])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET actor = 'somebody'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "TRUNCATE audit_event, department CASCADE",
        "UPDATE audit_seal SET heads = ''",
        "DELETE FROM audit_seal",
        "TRUNCATE audit_seal",
        "DELETE FROM audit_chain",
        "TRUNCATE audit_chain",
    ],
)
def test_nobody_changes_the_trail_by_a_statement(
    trail: Engine, superuser: psycopg.Connection, statement: str
) -> None:
    with trail.begin() as connection, pytest.raises(DBAPIError, match=r"permission denied|refused"):
        connection.execute(text(statement))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        superuser.execute(statement.encode())
    assert checked(trail).findings == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET actor = 'somebody'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "TRUNCATE audit_seal",
        "UPDATE audit_chain SET position = 0",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "DROP TRIGGER refuse ON audit_event",
        "DROP TRIGGER chain ON audit_event",
        "ALTER TABLE audit_event OWNER TO sims",
        "ALTER TABLE audit_event DROP COLUMN changes",
        "DROP TABLE audit_event CASCADE",
        "DROP SCHEMA public CASCADE",
        "DROP FUNCTION sims_audit_chain() CASCADE",
        FORGED,
        f"SET ROLE {OWNER}",
        "SET session_replication_role = replica",
    ],
)
def test_the_role_of_the_application_cannot_even_take_the_guards_away(
    trail: Engine, superuser: psycopg.Connection, statement: str
) -> None:
    assert checked(trail).protected is False
    protect(superuser, ROLE)
    protect(superuser, ROLE)
    with trail.connect() as connection:
        with connection.begin(), pytest.raises(DBAPIError, match=r"denied|must be owner|no privil"):
            connection.execute(text(statement))
        assert connection.execute(text("SELECT count(*) FROM audit_event")).scalar_one() == EVENTS
    with Session(trail) as session, session.begin():  # and the application goes on
        session.add(Department(name="After", code="After"))
    report = checked(trail)
    assert (report.protected, report.events, report.findings) == (True, EVENTS + 1, [])


def tamper(connection: psycopg.Connection, *statements: str) -> None:
    """As somebody who may do anything in the database, but has not the key."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")  # no trigger fires
        for statement in statements:
            connection.execute(statement.encode())


COLUMNS = (
    "actor = actor || 'x'", "actor_id = 4711", "action = 'read'", "entity = 'student'",
    "entity_id = '0'", "method = 'GET'", "route = '/x'", "request_id = 'x'", "ip = '::1'",
    "user_agent = 'x'", "source = 'x'", "changes = '{}'", "at = at + interval '1 microsecond'",
    "previous = 'x'", "hash = 'x'", "position = position + 1000", "chain = 15 - chain",
)  # fmt: skip


@pytest.mark.parametrize("change", COLUMNS)
def test_a_changed_value_of_any_column_is_found(
    trail: Engine, superuser: psycopg.Connection, change: str
) -> None:
    row = random.Random(change).randrange(EVENTS)
    victim = f"id = (SELECT id FROM audit_event ORDER BY id OFFSET {row} LIMIT 1)"
    if change.startswith("chain"):
        change += ", position = 100000"
    tamper(superuser, f"UPDATE audit_event SET {change} WHERE {victim}")
    assert checked(trail).findings


def test_the_columns_tried_are_all_but_the_id() -> None:
    tried = {change.partition(" = ")[0] for change in COLUMNS}
    assert tried | {"id"} == set(AuditEvent.__table__.columns.keys())


def test_each_event_that_is_deleted_is_missed(trail: Engine, superuser: psycopg.Connection) -> None:
    with trail.connect() as connection:
        ids = list(connection.execute(text("SELECT id FROM audit_event")).scalars())
    assert len(ids) == EVENTS
    for id_ in ids:
        tamper(superuser, f"CREATE TABLE kept AS SELECT * FROM audit_event WHERE id = {id_}")
        tamper(superuser, f"DELETE FROM audit_event WHERE id = {id_}")
        assert checked(trail).findings, id_
        tamper(superuser, "INSERT INTO audit_event SELECT * FROM kept", "DROP TABLE kept")
    assert checked(trail).findings == []


def test_reordering_is_found(trail: Engine, superuser: psycopg.Connection) -> None:
    with trail.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT id, position FROM audit_event WHERE chain = (SELECT chain FROM audit_event"
                " GROUP BY chain ORDER BY count(*) DESC LIMIT 1) ORDER BY position LIMIT 2"
            )
        )
        (one, first), (two, second) = rows.all()
    tamper(
        superuser,
        f"UPDATE audit_event SET position = -1 WHERE id = {one}",
        f"UPDATE audit_event SET position = {first} WHERE id = {two}",
        f"UPDATE audit_event SET position = {second} WHERE id = {one}",
    )
    assert checked(trail).findings


def test_truncation_is_found_even_with_the_heads_set_back(
    trail: Engine, superuser: psycopg.Connection
) -> None:
    tamper(superuser, "TRUNCATE audit_event")
    assert checked(trail).findings
    tamper(
        superuser,
        "UPDATE audit_chain SET position = 0,"
        " hash = sha256(convert_to('sims audit chain ' || chain, 'UTF8'))",
    )
    report = checked(trail)
    assert report.events == 0
    assert {f.problem for f in report.findings} == {"was sealed and is gone"}


def rewrite(connection: psycopg.Connection) -> None:
    """All of the trail anew, with right hashes: what only a seal shows."""
    with connection.transaction():
        connection.execute("CREATE TEMP TABLE old AS SELECT * FROM audit_event ORDER BY id")
        connection.execute("ALTER TABLE audit_event DISABLE TRIGGER refuse")
        connection.execute("DELETE FROM audit_event")
        connection.execute(
            "UPDATE audit_chain SET position = 0,"
            " hash = sha256(convert_to('sims audit chain ' || chain, 'UTF8'))"
        )
        connection.execute(
            "INSERT INTO audit_event (action, entity, entity_id, changes)"
            " SELECT action, entity, 'forged', changes FROM old ORDER BY id"
        )
        connection.execute("ALTER TABLE audit_event ENABLE TRIGGER refuse")
        connection.execute("DROP TABLE old")


def test_a_trail_written_anew_is_found_by_its_seals(
    trail: Engine, superuser: psycopg.Connection
) -> None:
    rewrite(superuser)
    assert checked(trail).findings


def test_without_its_seals_too_by_a_copy_that_is_kept_elsewhere(
    trail: Engine, superuser: psycopg.Connection
) -> None:
    with trail.begin() as connection:
        kept = seal(connection, KEY)
    rewrite(superuser)
    tamper(superuser, "DELETE FROM audit_seal")
    assert checked(trail).findings == []  # the database alone cannot tell
    assert checked(trail, kept).findings


def test_a_table_whose_triggers_are_off_is_a_finding(trail: Engine) -> None:
    with trail.begin() as connection:
        connection.execute(text("ALTER TABLE department DISABLE TRIGGER audit_update"))
        connection.execute(text("DROP TRIGGER audit_delete ON student"))
    assert [f.problem for f in checked(trail).findings] == [
        "changes of department are not recorded",
        "changes of student are not recorded",
    ]
    with trail.begin() as connection:
        assert audit_tables.attach(connection) == ["department", "student"]
    assert checked(trail).findings == []


def test_a_seal_of_another_key_is_none(trail: Engine, superuser: psycopg.Connection) -> None:
    with trail.begin() as connection:
        seal(connection, key_of("another key, of somebody else"))
    assert [f.problem for f in checked(trail).findings] == ["a seal has a wrong signature"]
    changed = "UPDATE audit_seal SET heads = replace(heads, '\"at\"', '\"aT\"')"
    tamper(superuser, changed)
    assert len(checked(trail).findings) == 2


def heads(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM audit_chain")).scalar_one())


def test_there_are_as_many_chains_as_the_verification_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        assert heads(connection) == CHAINS
