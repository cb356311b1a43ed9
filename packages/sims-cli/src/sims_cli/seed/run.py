"""Fills a database: one transaction, COPY for every table, then VACUUM ANALYZE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sims_cli.seed import catalogue, college, demo_users, rows, teaching
from sims_cli.seed.people import Person, Population
from sims_common.errors import Conflict
from sims_common.settings import InstitutionSettings, load
from sims_core.models import Student

YEAR = 2026
"""The autumn that the demo college is in: fixed, so that a seed gives the same rows next year."""

TABLES = (
    "department",
    "program",
    "course",
    "academic_period",
    "batch",
    "student_group",
    "exam",
    "exam_component",
    "student",
    "result",
    "result_component",
)
JOBS = ("transcript_request", "transcript_batch", "outbox")
_BLOCK = 256  # students' results in one write

Progress = Callable[[str, int, int], None]
"""``progress(what, done, total)``: students, then results (about 12 for each student)."""


class RegisterNotEmpty(Conflict):
    code = "REGISTER_NOT_EMPTY"
    title = "There is data already"


@dataclass(frozen=True)
class Seeded:
    """Rows written by table, and the demo users as they are now."""

    rows: dict[str, int]
    users: list[demo_users.DemoUser]


def seed(
    engine: Engine,
    *,
    students: int,
    seed: int,
    passwords: Path | None = None,
    clear: bool = False,
    year: int = YEAR,
    progress: Progress = lambda _what, _done, _total: None,
) -> Seeded:
    """Writes the demo college with ``students`` students.

    ``clear`` removes students, programs and all that refers to them first; users stay.
    Raises ``RegisterNotEmpty`` when there is data and ``clear`` was not asked for.
    """
    with Session(engine) as session, session.begin():
        connection = session.connection().connection.driver_connection
        if not isinstance(connection, psycopg.Connection):
            raise TypeError("the engine must use psycopg 3")
        with connection.cursor() as cursor:
            _lock(cursor)
            _make_room(cursor, clear=clear)
            counts = _copy_all(cursor, students, seed, year, progress)
            _set_sequences(cursor)
            counts |= teaching.write(cursor, college.build(catalogue.load(), year), _zone())
        first = session.scalars(select(Student).order_by(Student.id).limit(1)).one_or_none()
        users = demo_users.ensure(session, first, passwords)
        session.flush()
        with connection.cursor() as cursor:
            teaching.give_to_teacher(cursor, "faculty")
    _tidy_up(engine)
    return Seeded(counts, users)


def _zone() -> ZoneInfo:
    return load(InstitutionSettings).zone


def _lock(cursor: psycopg.Cursor) -> None:
    """Nobody else adds a program or student while ids are given out."""
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute("LOCK TABLE program, student IN SHARE ROW EXCLUSIVE MODE")


def _make_room(cursor: psycopg.Cursor, *, clear: bool) -> None:
    if clear:
        names = sql.SQL(", ").join(map(sql.Identifier, (*TABLES, *teaching.TABLES, *JOBS)))
        cursor.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))
        return
    for table in TABLES:
        count = cursor.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        ).fetchone()
        if count != (0,):
            raise RegisterNotEmpty(
                f"The table {table} has {count[0] if count else '?'} rows already. Seed an empty"
                " database, or add --clear to delete all students, programs and results first."
            )


def _copy_all(
    cursor: psycopg.Cursor, students: int, seed: int, year: int, progress: Progress
) -> dict[str, int]:
    entries = catalogue.load()
    frame = college.build(entries, year)
    counts: dict[str, int] = {}
    for (table, columns), found in rows.frame(entries, frame).items():
        with cursor.copy(_copy_statement(table, columns)) as copy:
            for row in found:
                copy.write_row(row)
        counts[table] = len(found)
    population = Population(frame, seed)
    people: list[Person] = []
    with cursor.copy(_copy_statement("student", rows.STUDENT_COLUMNS)) as copy:
        for person in population.students(students):
            copy.write_row(rows.student(person))
            people.append(person)
            if len(people) % _BLOCK == 0:
                progress("students", len(people), students)
    progress("students", students, students)
    counts["student"] = len(people)
    counts["result"] = _copy_results(cursor, people, population, progress)
    counts["result_component"] = cursor.execute(rows.MARKS).rowcount
    return counts


def _copy_results(
    cursor: psycopg.Cursor, people: list[Person], population: Population, progress: Progress
) -> int:
    total = sum(len(person.intake.exams) for person in people)
    done = 0
    with cursor.copy(_copy_statement("result", rows.RESULT_COLUMNS)) as copy:
        block: list[str] = []
        for count, text in rows.results(people, population):
            done += count
            block.append(text)
            if len(block) == _BLOCK:
                copy.write("".join(block))
                block.clear()
                progress("results", done, total)
        copy.write("".join(block))
    progress("results", done, total)
    return done


def _copy_statement(table: str, columns: tuple[str, ...]) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)


def _set_sequences(cursor: psycopg.Cursor) -> None:
    """The next id of each table follows those that COPY wrote itself."""
    for table in TABLES:
        cursor.execute(
            sql.SQL(
                "SELECT setval(pg_get_serial_sequence({}, 'id'), max(id))"
                " FROM {} HAVING count(*) > 0"
            ).format(sql.Literal(table), sql.Identifier(table))
        )


def _tidy_up(engine: Engine) -> None:
    """Statistics and visibility maps: without them the first lists are planned blindly."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {', '.join((*TABLES, *teaching.TABLES))}")
        connection.exec_driver_sql("RESET statement_timeout")
