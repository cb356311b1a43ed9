"""Results with typed totals become computed ones; what was read stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import Engine, text

from sims_cli.stack.postgres import ROLE, PostgresServer
from sims_common.settings import DatabaseSettings
from sims_core import db, migrate

SETUP = """
INSERT INTO department (name, code) VALUES ('Anatomy', 'A');
INSERT INTO course (code, name, department_id) SELECT 'A1', 'Anatomy', id FROM department;
INSERT INTO academic_period (name, start_date, end_date) VALUES ('T', '2025-09-01', '2026-01-31');
INSERT INTO program (name) VALUES ('MBBS');
INSERT INTO student (reg_no, name, program_id, enrollment_year)
  SELECT 'R' || n, 'x', id, 2025 FROM program, generate_series(1, 3) AS n;
INSERT INTO exam (course_id, academic_period_id, title)
  SELECT c.id, p.id, t FROM course c, academic_period p, unnest(ARRAY['even', 'odd', 'none']) AS t;
INSERT INTO result (exam_id, student_id, total_obtained, total_max, final_outcome, status)
  SELECT e.id, s.id, 10 * s.id, CASE WHEN e.title = 'odd' AND s.reg_no = 'R1' THEN 50 ELSE 80 END,
    'PASS', 'FROZEN'
  FROM exam e, student s WHERE e.title <> 'none';
"""
BEFORE = "SELECT id, total_obtained, total_max, final_outcome, status FROM result ORDER BY id"


@pytest.fixture
def old(postgres_server: PostgresServer) -> Iterator[Engine]:
    """A database as it was before exams had components, with results in it."""
    name = sql.Identifier("sims_old_totals")
    with postgres_server.connect() as connection:
        create = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(create.format(name, sql.Identifier(ROLE)))
        settings = DatabaseSettings(database_url=SecretStr(postgres_server.url("sims_old_totals")))
        engine = db.engine(settings, service="tests", pool_size=0)
        migrate.upgrade(engine, "0030")
        with engine.begin() as session:
            session.execute(text(SETUP))
        yield engine
        engine.dispose()
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def test_each_total_becomes_a_mark_and_no_mark_is_made_up(old: Engine) -> None:
    with old.connect() as connection:
        before = connection.execute(text(BEFORE)).all()
    migrate.upgrade(old)
    with old.connect() as connection:
        assert connection.execute(text(BEFORE)).all() == before
        exams = connection.execute(
            text(
                "SELECT e.title, c.name, c.max_marks, e.pass_total_percent FROM exam e"
                " LEFT JOIN exam_component c ON c.exam_id = e.id ORDER BY e.title"
            )
        ).all()
        marks = connection.execute(
            text(
                "SELECT e.title, s.reg_no, m.marks_obtained FROM result_component m"
                " JOIN result r ON r.id = m.result_id JOIN exam e ON e.id = r.exam_id"
                " JOIN student s ON s.id = r.student_id ORDER BY 1, 2"
            )
        ).all()
    sixty = Decimal(60)
    assert [tuple(row) for row in exams] == [
        ("even", "Total", 80, sixty),
        ("none", None, None, sixty),
        ("odd", "Total", 80, sixty),
    ]
    assert [tuple(row) for row in marks] == [
        ("even", "R1", 10),
        ("even", "R2", 20),
        ("even", "R3", 30),
        ("odd", "R2", 20),
        ("odd", "R3", 30),
    ]
