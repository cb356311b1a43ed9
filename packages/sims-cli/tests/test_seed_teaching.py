"""The demo college lives: its open term has classes, a timetable without clashes, attendance."""

from __future__ import annotations

from sqlalchemy import Engine, text

from sims_cli.seed import run


def test_the_open_term_is_taught_and_attended(engine: Engine) -> None:
    done = run.seed(engine, students=40, seed=1)
    for table in ("room", "section", "enrollment", "class_session", "attendance"):
        assert done.rows[table] > 0, table
    with engine.connect() as connection:
        codes = connection.execute(text("SELECT DISTINCT status FROM attendance")).scalars()
        assert set(codes) == {"PRESENT", "ABSENT", "LATE", "LEAVE"}
        wrong = connection.scalar(
            text(
                "SELECT count(*) FROM section AS s WHERE enrolled_count <> (SELECT count(*)"
                " FROM enrollment AS e WHERE e.section_id = s.id AND e.status = 'enrolled')"
            )
        )
        assert wrong == 0
        taught = text(
            "SELECT count(*) FROM section_teacher JOIN user_account ON id = user_id"
            " WHERE username = 'faculty'"
        )
        assert (connection.scalar(taught) or 0) > 0
    again = run.seed(engine, students=40, seed=1, clear=True)
    assert again.rows == done.rows
