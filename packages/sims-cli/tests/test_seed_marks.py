"""The demo college's totals are what its marks add up to."""

from __future__ import annotations

import tomllib
from importlib import resources

from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from sims_cli.seed import run
from sims_core.models import Exam, ExamComponent, Result, ResultComponent


def test_a_seed_gives_each_result_the_marks_of_its_total(engine: Engine) -> None:
    seeded = run.seed(engine, students=30, seed=1)

    assert seeded.rows["result"] == seeded.rows["result_component"] > 100
    with Session(engine) as session:
        totals = session.execute(
            select(Result.total_obtained, Result.total_max, ResultComponent.marks_obtained)
            .join(ResultComponent, ResultComponent.result_id == Result.id)
            .join(ExamComponent, ExamComponent.id == ResultComponent.exam_component_id)
            .where(ExamComponent.exam_id == Result.exam_id)
        ).all()
        assert len(totals) == seeded.rows["result"]
        assert all(row.total_obtained == row.marks_obtained for row in totals)
        without_a_rule = select(func.count()).where(Exam.pass_total_percent.is_(None))
        assert session.scalar(without_a_rule) == 0


def test_the_checks_of_a_restored_database_hold_and_notice_a_typed_total(engine: Engine) -> None:
    run.seed(engine, students=30, seed=1)
    checks = resources.files("sims_cli").joinpath("backup_checks.toml").read_text(encoding="utf-8")
    expected = [c for c in tomllib.loads(checks)["invariant"] if "expect" in c]
    with engine.begin() as connection:
        for check in expected:
            assert connection.scalar(text(check["sql"])) == check["expect"], check["name"]
        connection.execute(text("UPDATE result SET total_obtained = total_obtained / 2"))
        broken = [c["name"] for c in expected if connection.scalar(text(c["sql"])) != c["expect"]]
    assert broken == ["totals are the sums of their marks"]
