"""The database of a local installation: migrated at each start, filled at the first."""

from __future__ import annotations

from sqlalchemy import Engine, text

from sims_cli import schema_stamp
from sims_cli.progress import Steps
from sims_cli.state import State, use_local_installation
from sims_common.settings import DatabaseSettings, load
from sims_core import db, migrate

SEED = 1


def prepare(state: State, steps: Steps, *, students: int) -> None:
    """Migrates; seeds ``students`` and the demo users when there is no user yet."""
    use_local_installation(state)
    engine = db.engine(load(DatabaseSettings), service="sims up", pool_size=0)
    try:
        with steps.step("Migrations") as step:
            before, after = migrate.upgrade(engine)
            step.note = f"at {after}" if before == after else f"{before or 'empty'} → {after}"
        schema_stamp.write(state, after)
        if students and _is_new(engine):
            from sims_cli.seed import run  # noqa: PLC0415 (Faker is needed once, at the first start)

            with steps.step("Demo data") as step:
                run.seed(engine, students=students, seed=SEED, passwords=state.demo_passwords)
                step.note = f"{students} students with results, 7 users"
    finally:
        engine.dispose()


def _is_new(engine: Engine) -> bool:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT NOT EXISTS (SELECT FROM user_account)"))
        return bool(found.scalar_one())
