"""The counters that lists show are exact, whatever the statement and however many writers."""

from __future__ import annotations

import threading

from sqlalchemy import Engine, func, select, text

from sims_core.models import Department, RowCount


def counted(engine: Engine) -> tuple[int, int]:
    """(by the counter, by counting)"""
    with engine.connect() as connection:
        kept = connection.execute(
            select(func.coalesce(func.sum(RowCount.n), 0)).where(RowCount.entity == "department")
        ).scalar_one()
        real = connection.execute(select(func.count()).select_from(Department)).scalar_one()
    return int(kept), real


INSERT = text(
    "INSERT INTO department (name, code) SELECT :p || n, :p || n FROM generate_series(1, :n) n"
)


def test_statements_of_any_size_are_counted(engine: Engine) -> None:
    assert counted(engine) == (0, 0)
    with engine.begin() as connection:
        connection.execute(INSERT, {"p": "a", "n": 500})
    assert counted(engine) == (500, 500)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM department WHERE id % 3 = 0"))
        connection.execute(text("DELETE FROM department WHERE false"))
        connection.execute(text("UPDATE department SET name = name || '!'"))
    assert counted(engine)[0] == counted(engine)[1] < 500


def test_a_rollback_takes_the_count_back(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(INSERT, {"p": "a", "n": 5})
        connection.rollback()
    assert counted(engine) == (0, 0)


def test_what_a_conflict_skips_is_not_counted(engine: Engine) -> None:
    again = text("INSERT INTO department (name, code) VALUES ('a', 'a') ON CONFLICT DO NOTHING")
    with engine.begin() as connection:
        connection.execute(again)
        connection.execute(again)
    assert counted(engine) == (1, 1)


def test_truncate_starts_over(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(INSERT, {"p": "a", "n": 5})
        connection.execute(text("TRUNCATE department CASCADE"))
        connection.execute(INSERT, {"p": "b", "n": 2})
    assert counted(engine) == (2, 2)


def test_many_writers_at_once(engine: Engine) -> None:
    def write(prefix: str) -> None:
        for number in range(20):
            with engine.begin() as connection:
                connection.execute(INSERT, {"p": f"{prefix}{number}-", "n": 3})
                connection.execute(
                    text("DELETE FROM department WHERE code = :code"),
                    {"code": f"{prefix}{number}-1"},
                )

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counted(engine) == (240, 240)
