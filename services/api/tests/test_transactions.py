"""One request is one transaction: what is answered is stored, what failed has left no trace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from psycopg import sql
from services.api.tests.conftest import Api, LogLines, problem_of
from services.api.tests.factories import Make
from sqlalchemy import Engine, func, select, text

from sims_cli.stack.postgres import PostgresServer
from sims_core.models import Department, IdempotencyKey, Outbox, Student, TranscriptRequest

# Checked at COMMIT: by then the route has done all its work and returned its answer.
FAIL_AT_COMMIT = """
CREATE FUNCTION refuse_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'canary: refused at commit'; END $$;
CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT ON {table}
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_at_commit()
"""


def rows(make: Make, model: type) -> int:
    make.session.rollback()
    found = make.session.scalar(select(func.count()).select_from(model))
    make.session.rollback()
    return int(found or 0)


def test_a_transcript_request_whose_commit_fails_is_no_202_and_leaves_no_job(
    api: Api, make: Make, engine: Engine, log_lines: LogLines
) -> None:
    student = make.student(email="a@example.edu")
    with engine.begin() as connection:
        connection.execute(text(FAIL_AT_COMMIT.format(table="transcript_request")))
    answer = api.as_("ExamCell").post(
        "/api/transcripts/enqueue/",
        json={"student_id": student.id},
        headers={"Idempotency-Key": "will-not-commit"},
    )
    problem = problem_of(answer, 500, "INTERNAL_ERROR")
    assert "canary" not in answer.text
    for model in (TranscriptRequest, Outbox, IdempotencyKey):
        assert rows(make, model) == 0
    (line,) = log_lines.of("unexpected error")  # told once, under the id that the client has
    assert line["request_id"] == problem["request_id"]
    assert "canary: refused at commit" in line["exception"]


def test_a_constraint_that_is_checked_at_commit_is_the_caller_s_answer(
    api: Api, make: Make, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE department DROP CONSTRAINT uq_department_code"))
        connection.execute(
            text(
                "ALTER TABLE department ADD CONSTRAINT uq_department_code UNIQUE (code)"
                " DEFERRABLE INITIALLY DEFERRED"
            )
        )
    client = api.as_("Registrar")
    url = "/api/academics/departments/"
    assert client.post(url, json={"name": "A", "code": "same"}).status_code == 201
    problem_of(client.post(url, json={"name": "B", "code": "same"}), 409, "DUPLICATE")
    assert rows(make, Department) == 1


def test_a_request_that_is_refused_late_has_written_nothing(api: Api, make: Make) -> None:
    client = api.as_("ExamCell")
    good = make.student(email="a@example.edu")
    bad = make.student(email=None)
    answer = client.post("/api/transcripts/batches/", json={"student_ids": [good.id, bad.id]})
    problem_of(answer, 400, "EMAIL_MISSING")
    for model in (TranscriptRequest, Outbox):
        assert rows(make, model) == 0


@contextmanager
def database_away(server: PostgresServer, name: str) -> Iterator[None]:
    """Nobody gets into the database, and who is in is thrown out."""
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with server.connect() as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        try:
            yield
        finally:
            connection.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def test_with_the_database_away_every_route_says_503_and_all_work_again_after(
    api: Api, make: Make, postgres_server: PostgresServer, log_lines: LogLines
) -> None:
    student = make.student()
    client = api.as_("Registrar")
    here = f"/api/students/{student.id}/"
    assert client.get(here).status_code == 200
    name = make.session.scalar(text("SELECT current_database()"))
    make.session.close()
    with database_away(postgres_server, str(name)):
        for answer in (
            client.get(here),
            client.get("/api/students/"),
            client.patch(here, json={"name": "x"}),
            client.post("/api/students/", json={"reg_no": "1", "name": "x", "program": 1}),
            client.post("/api/auth/login/", json={"identifier": "x", "password": "x"}),
            client.post("/api/auth/refresh/", json={"refresh": "x"}),
            client.get(f"/api/transcripts/{student.id}/"),
        ):
            body = problem_of(answer, 503, "UNAVAILABLE")
            assert answer.headers["retry-after"].isdigit()
            assert str(name) not in body["detail"]
        assert api.client().get("/livez").status_code == 200
        assert client.get("/api/schema/").status_code == 200
        problem_of(api.client().get(here), 401, "AUTH_REQUIRED")  # asks no database
        problem_of(api.client("x").get(here), 401, "AUTH_TOKEN_INVALID")
    assert client.get(here).status_code == 200
    assert client.patch(here, json={"name": "Back"}).status_code == 200
    assert log_lines.of("database not available")
    assert not log_lines.of("unexpected error")


def test_connections_that_the_server_closed_are_replaced_unnoticed(
    api: Api, make: Make, postgres_server: PostgresServer
) -> None:
    client = api.as_("Registrar")
    with ThreadPoolExecutor(5) as pool:  # fill the pool
        list(pool.map(lambda _: client.get("/api/students/"), range(20)))
    name = make.session.scalar(text("SELECT current_database()"))
    make.session.close()
    with postgres_server.connect() as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        ).fetchall()
    assert len(ended) > 1
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: client.get("/api/students/"), range(20)))
    assert {a.status_code for a in answers} == {200}


def test_a_pool_in_use_is_a_503_at_once_and_health_is_degraded(
    start_api: Callable[..., Api], make: Make, engine: Engine, log_lines: LogLines
) -> None:
    api = start_api(database_pool_size=1, database_max_overflow=0, database_pool_timeout=0.2)
    student = make.student()
    user = make.user("Registrar")
    waiting, other = api.sign_in(user), api.sign_in(user)
    here = f"/api/students/{student.id}/"
    with engine.begin() as connection:
        connection.execute(select(Student.id).where(Student.id == student.id).with_for_update())
        with ThreadPoolExecutor(1) as pool:
            blocked = pool.submit(waiting.patch, here, json={"name": "Late"})
            _until_blocked(engine)
            answer = other.get("/api/students/")
            assert problem_of(answer, 503, "UNAVAILABLE")["detail"].startswith("Too many requests")
            assert answer.headers["retry-after"] == "2"
            health = other.get("/api/health/")
            assert (health.status_code, health.json()["status"]) == (503, "degraded")
            assert other.get("/livez").status_code == 200
            connection.rollback()
            assert blocked.result().status_code == 200
    assert other.get("/api/students/").status_code == 200
    assert log_lines.of("database pool exhausted")


def _until_blocked(engine: Engine) -> None:
    """Waits until somebody waits for a lock."""
    waiters = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    end = time.monotonic() + 20
    with engine.connect() as connection:
        while connection.scalar(text(waiters)) == 0:
            assert time.monotonic() < end, "nobody came to wait"
            connection.rollback()
            threading.Event().wait(0.02)


def test_a_statement_that_takes_too_long_is_a_503_and_not_the_database_s_absence(
    api: Api, make: Make, engine: Engine, log_lines: LogLines
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION cancel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " RAISE EXCEPTION 'canceling statement' USING ERRCODE = '57014'; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER cancel BEFORE INSERT ON department"
                " FOR EACH ROW EXECUTE FUNCTION cancel()"
            )
        )
    body = {"name": "A", "code": "a"}
    answer = api.as_("Registrar").post("/api/academics/departments/", json=body)
    assert "too long" in problem_of(answer, 503, "UNAVAILABLE")["detail"]
    assert log_lines.of("statement took too long")


@pytest.mark.parametrize("state", ["40P01", "40001", "55P03"])
def test_a_lost_race_for_a_lock_is_a_conflict_to_try_again(
    api: Api, engine: Engine, state: str
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                f" RAISE EXCEPTION 'lost' USING ERRCODE = '{state}'; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER lose BEFORE INSERT ON department"
                " FOR EACH ROW EXECUTE FUNCTION lose()"
            )
        )
    body = {"name": "A", "code": "a"}
    answer = api.as_("Registrar").post("/api/academics/departments/", json=body)
    problem_of(answer, 409, "CONCURRENT_UPDATE")
