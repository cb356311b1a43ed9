"""What a smoke run leaves when the database will not let go of it, or the run was killed."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from sims_cli import superuser
from sims_cli.smoke import traces
from sims_core.models import Program, Student, User

MARKER = "smoke-0123456789ab"


def _a_run(engine: Engine) -> None:
    superuser.create(
        engine, username=MARKER, email=f"{MARKER}@sims.invalid", password="long enough, surely"
    )
    with Session(engine) as session, session.begin():
        program = Program(name=MARKER, description="")
        session.add(program)
        session.flush()
        session.add(
            Student(reg_no=MARKER, name="Smoke Test", program_id=program.id, enrollment_year=2026)
        )


def test_all_of_a_run_goes_and_nothing_else(engine: Engine) -> None:
    _a_run(engine)
    superuser.create(
        engine, username="smoker", email="smoker@example.org", password="long enough, surely"
    )
    assert traces.remove(engine, MARKER)
    with engine.connect() as connection:
        assert connection.scalars(select(User.username)).all() == ["smoker"]
        assert connection.scalars(select(Student.id)).all() == []
        assert connection.scalars(select(Program.name).where(Program.name == MARKER)).all() == []


def test_an_account_that_a_record_names_is_closed(engine: Engine) -> None:
    _a_run(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE trail (by_id bigint REFERENCES user_account (id))"))
        connection.execute(text("INSERT INTO trail SELECT id FROM user_account"))
    assert not traces.remove(engine, MARKER)
    with engine.connect() as connection:
        rows = connection.execute(select(User.username, User.is_active, User.is_superuser)).all()
        assert rows == [(MARKER, False, False)]
        assert connection.scalars(select(Student.status)).all() == ["inactive"]
    assert traces.abandoned(engine) == []


def test_a_killed_run_is_found_after_an_hour(engine: Engine) -> None:
    _a_run(engine)
    assert traces.abandoned(engine) == []
    with engine.begin() as connection:
        aged = User.created_at - traces.ABANDONED - timedelta(seconds=1)
        connection.execute(update(User).values(created_at=aged))
    assert traces.abandoned(engine) == [MARKER]
