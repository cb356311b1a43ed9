"""Running migrations: one at a time, without holding up the application.

Any number of processes may call ``upgrade`` at once (each pod's init container does): an
advisory lock lets the first work while the others wait, then see that nothing is left.
``lock_timeout`` makes a migration give up on a busy table instead of queueing everybody
behind it; it is then tried again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from sims_common.errors import SimsError
from sims_common.logs import get_logger
from sims_core import audit_tables

log = get_logger(__name__)

ADVISORY_LOCK = 0x53494D53  # "SIMS"
LOCK_TIMEOUT = "3s"
ATTEMPTS = 5
_DIRECTORY = Path(__file__).parent / "migrations"


class MigrationFailed(SimsError):
    code = "MIGRATION_FAILED"
    title = "The database could not be migrated"


def config(connection: Connection | None = None) -> Config:
    found = Config()
    found.set_main_option("script_location", str(_DIRECTORY))
    found.attributes["connection"] = connection
    return found


def head() -> str:
    """The newest revision that this program knows."""
    return known_revisions()[0]


@cache
def known_revisions() -> list[str]:
    """Revisions from the newest to the oldest."""
    return [s.revision for s in ScriptDirectory.from_config(config()).walk_revisions()]


def current(connection: Connection) -> str | None:
    """The database's revision, None when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def pending(connection: Connection) -> int:
    """How many revisions the database lacks.

    A database *ahead* of this program lacks none: after a rollback the older program goes
    on working, since revisions only expand the schema until the release after.
    """
    revision = current(connection)
    known = known_revisions()
    if revision is None:
        return len(known)
    return known.index(revision) if revision in known else 0


def upgrade(engine: Engine, target: str = "head") -> tuple[str | None, str | None]:
    """Brings the schema to ``target``; returns (revision before, revision after).

    Raises ``MigrationFailed`` when a table stays locked through all attempts.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with _alone(engine) as connection:
                before = current(connection)
                connection.commit()  # Alembic commits only transactions that it began itself
                command.upgrade(config(connection), target)
                audit_tables.attach(connection)
                connection.commit()
                return before, current(connection)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":  # lock_not_available
                raise
            log.warning("a table is locked; trying again", attempt=attempt, of=ATTEMPTS)
            time.sleep(attempt)
    raise MigrationFailed(
        f"A table stayed locked for {ATTEMPTS} attempts of {LOCK_TIMEOUT}. End the long"
        " transaction that pg_stat_activity shows and run `sims migrate` again."
    )


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        try:
            yield connection
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
            connection.execute(text("RESET ALL"))
            connection.commit()
