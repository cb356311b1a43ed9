"""A hundred thousand students, five million entries: indexes serve, memory stays flat."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from psycopg import sql
from services.api.tests.conftest import Api
from services.api.tests.statements import Statement, sent_by
from sqlalchemy import create_engine, select

from sims_cli.stack.postgres import PostgresServer
from sims_core.models import ClassSession, Section, Student, User

pytestmark = pytest.mark.long

STUDENTS, SECTIONS, PER_SECTION, ATTENDANCE = 100_000, 2_500, 40, 5_000_000
SESSIONS = ATTENDANCE // PER_SECTION
BIG = {"student", "enrollment", "class_session", "attendance", "booking"}

# Straight into the tables, without the triggers that would check five million rows one by one.
FILL = (
    (
        "INSERT INTO student (reg_no, name, program_id, enrollment_year)"
        " SELECT 'L-' || n, 'Student ' || n, %(program)s, 2024"
        f" FROM generate_series(1, {STUDENTS}) AS n"
    ),
    (
        "INSERT INTO section (course_id, academic_period_id, name, capacity, enrolled_count)"
        f" SELECT %(course)s, %(period)s, 'L-' || n, {PER_SECTION}, {PER_SECTION}"
        f" FROM generate_series(1, {SECTIONS}) n"
    ),
    "INSERT INTO section_teacher SELECT id, %(teacher)s FROM section ORDER BY id LIMIT 5",
    (
        "INSERT INTO enrollment (section_id, student_id, status, enrolled_at)"
        " SELECT s.id, t.id, 'enrolled', now() FROM"
        " (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM section) s JOIN"
        f" (SELECT id, (row_number() OVER (ORDER BY id) - 1) / {PER_SECTION} AS n FROM student) t"
        " ON t.n = s.n"
    ),
    (
        "INSERT INTO class_session (section_id, starts_at, ends_at)"
        " SELECT s.id, '2026-01-01 08:00Z'::timestamptz + n * interval '1 day',"
        " '2026-01-01 09:00Z'::timestamptz + n * interval '1 day'"
        f" FROM generate_series(1, {SESSIONS // SECTIONS}) n, section s"
    ),
    (
        "INSERT INTO attendance (session_id, student_id, status)"
        " SELECT c.id, e.student_id, CASE (c.id + e.student_id) %% 9 WHEN 0 THEN 'ABSENT'"
        " WHEN 1 THEN 'LATE' ELSE 'PRESENT' END"
        " FROM class_session c JOIN enrollment e ON e.section_id = c.section_id"
    ),
)


@pytest.fixture(scope="module")
def college(shared_api: Api, postgres_server: PostgresServer) -> tuple[Api, User]:
    make = shared_api.make
    program, course, period = make.program(), make.course(), make.period()
    teacher, login = make.user("Faculty"), make.user("Student")
    make.student(program, user_id=login.id)
    values = {
        "program": program.id,
        "course": course.id,
        "period": period.id,
        "teacher": teacher.id,
    }
    name = shared_api.app.state.engine.url.database
    with postgres_server.connect(name) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        for statement in FILL:
            connection.execute(statement, values)
        for table in ("student", "section", "enrollment", "class_session", "attendance"):
            count = "INSERT INTO row_count SELECT {}, 0, count(*) FROM {} ON CONFLICT DO NOTHING"
            connection.execute(sql.SQL("DELETE FROM row_count WHERE entity = {}").format(table))
            connection.execute(sql.SQL(count).format(table, sql.Identifier(table)))
        connection.execute("VACUUM (ANALYZE)")
    return shared_api, teacher


def scans(api: Api, statements: list[Statement]) -> set[str]:
    """Big tables that a plan of these reads whole."""
    engine = create_engine(api.app.state.engine.url)
    found: set[str] = set()

    def walk(node: dict[str, Any]) -> None:
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG:
            found.add(node["Relation Name"])
        for inner in node.get("Plans", []):
            walk(inner)

    with engine.connect() as connection:
        for statement, parameters in statements:
            if statement.lstrip().startswith(("SELECT", "WITH")):
                rows = connection.exec_driver_sql(
                    f"EXPLAIN (FORMAT JSON) {statement}", parameters
                ).scalar_one()
                plan = json.loads(rows) if isinstance(rows, str) else rows
                walk(plan[0]["Plan"])
    engine.dispose()
    return found


def test_no_list_and_no_report_reads_a_big_table_whole(college: tuple[Api, User]) -> None:
    api, teacher = college
    session = api.make.session
    section = session.scalars(select(Section.id).order_by(Section.id)).first()
    student = session.scalars(select(Student.id).where(Student.reg_no == "L-1")).one()
    held = session.scalars(select(ClassSession.id).order_by(ClassSession.id)).first()
    session.rollback()
    both = {"student_id": student, "section_id": section}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/api/students/", {}),
        ("/api/students/", {"search": "student 4711"}),
        ("/api/academics/sections/", {}),
        ("/api/academics/enrollments/", {}),
        ("/api/academics/enrollments/", {"student": student}),
        ("/api/academics/enrollments/", {"section": section}),
        ("/api/timetable/sessions/", {}),
        ("/api/timetable/sessions/", {"section": section}),
        (
            "/api/timetable/sessions/",
            {"starts_from": "2026-02-01T00:00Z", "starts_before": "2026-02-02T00:00Z"},
        ),
        ("/api/attendance/", {}),
        ("/api/attendance/", {"student": student}),
        ("/api/attendance/", {"session": held}),
        ("/api/attendance/", {"in_section": section}),
        (f"/api/attendance/sessions/{held}/roster/", {}),
        ("/api/attendance/percentage/", both),
        ("/api/attendance/eligibility/", both),
        ("/api/attendance/section-summary/", {"section_id": section}),
        ("/api/attendance/section-eligibility/", {"section_id": section}),
    ]
    readers: list[tuple[httpx.Client, list[tuple[str, dict[str, Any]]]]] = [
        (api.as_("Registrar"), asked)
    ]
    own = ("/api/academics/enrollments/", "/api/timetable/sessions/", "/api/attendance/")
    readers.append((api.sign_in(teacher), [(path, {}) for path in own]))
    for client, queries in readers:
        for path, query in queries:
            with sent_by(api) as statements:
                answer = client.get(path, params=query)
            assert answer.status_code == 200, answer.text
            assert scans(api, statements) == set(), (path, query)
