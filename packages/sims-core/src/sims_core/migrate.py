"""Running migrations: one at a time, without holding up the application.

Any number of processes may call ``upgrade`` at once (each pod's init container does): an
advisory lock lets the first work while the others wait, then see that nothing is left.
``lock_timeout`` makes a migration give up on a busy table instead of queueing everybody
behind it; it is then tried again.

A rolled-back program meets a database that is ahead of it. It goes on unless a revision says
``oldest_program``: the oldest revision whose program still works once that one is applied.
The database carries the newest such mark, so that programs from before it can tell.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


MARK = "oldest program: "
"""Opens the comment on ``alembic_version`` that carries ``oldest_program``."""


class MigrationFailed(SimsError):
    code = "MIGRATION_FAILED"
    title = "The database could not be migrated"


@dataclass(frozen=True)
class Schema:
    """A database as this program sees it.

    ``pending``: revisions it lacks. ``too_new``: a later program took something away that this
    one relies on.
    """

    revision: str | None
    pending: int = 0
    too_new: bool = False

    @property
    def fits(self) -> bool:
        return not self.pending and not self.too_new


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


def schema(connection: Connection) -> Schema:
    """How the database's revision relates to the ones that this program knows."""
    revision, known = current(connection), known_revisions()
    if revision is None:
        return Schema(None, pending=len(known))
    if revision in known:
        return Schema(revision, pending=known.index(revision))
    oldest = _read_mark(connection)
    return Schema(revision, too_new=oldest is not None and oldest not in known)


def pending(connection: Connection) -> int:
    """How many revisions the database lacks; one that is ahead lacks none."""
    return schema(connection).pending


def upgrade(engine: Engine, target: str = "head") -> tuple[str | None, str | None]:
    """Brings the schema to ``target``; returns (revision before, revision after).

    A database that is ahead of this program and still serves it stays as it is. Raises
    ``MigrationFailed`` when it is too far ahead, or a table stays locked through all attempts.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with _alone(engine) as connection:
                before = schema(connection)
                connection.commit()  # Alembic commits only transactions that it began itself
                if _is_ahead(before, target):
                    return before.revision, before.revision
                command.upgrade(config(connection), target)
                audit_tables.attach(connection)
                connection.commit()
                after = current(connection)
                _write_mark(connection, after)
                return before.revision, after
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":  # lock_not_available
                raise
            log.warning("a table is locked; trying again", attempt=attempt, of=ATTEMPTS)
            time.sleep(attempt)
    raise MigrationFailed(
        f"A table stayed locked for {ATTEMPTS} attempts of {LOCK_TIMEOUT}. End the long"
        " transaction that pg_stat_activity shows and run `sims migrate` again."
    )


def _is_ahead(found: Schema, target: str) -> bool:
    if found.revision is None or found.revision in known_revisions():
        return False
    if found.too_new or target != "head":
        raise MigrationFailed(
            f"The database is at {found.revision}, which this program (up to {head()}) does not"
            " know and cannot work with. Run the program that migrated it, or a later one; to go"
            " back further, restore a backup from before."
        )
    return True


def _read_mark(connection: Connection) -> str | None:
    comment = connection.scalar(text("SELECT obj_description(to_regclass('alembic_version'))"))
    return comment.removeprefix(MARK) if comment and comment.startswith(MARK) else None


def _write_mark(connection: Connection, revision: str | None) -> None:
    """The newest ``oldest_program`` at or below ``revision``, as a comment that dumps carry."""
    known = known_revisions()
    applied = known[known.index(revision) :] if revision in known else []
    scripts = ScriptDirectory.from_config(config())
    marks = (getattr(scripts.get_revision(r).module, "oldest_program", None) for r in applied)
    mark = next(filter(None, marks), None)
    if mark is not None and mark != _read_mark(connection):
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{MARK}{mark}'"))
    connection.commit()


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
