"""Checks and media references that the application registers in a TOML file.

::

    [[invariant]]
    name = "no published result without a student"
    sql = "SELECT count(*) FROM result WHERE student_id IS NULL AND status = 'published'"
    expect = 0          # a value, or "same" (the default): as it was in the backup

    [media]
    sql = "SELECT path, sha256 FROM document"     # sha256 may be NULL

Each statement returns one value (``media``: rows of path and hash). They run inside the
dumped snapshot at backup, and again on every restored database before it counts.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sims_backup.contract.manifest import InvariantValue
from sims_backup.errors import Refused
from sims_backup.postgres.server import Connection, database_errors


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Invariant(_Strict):
    name: str = Field(min_length=1)
    sql: str = Field(min_length=1)
    expect: int | str = "same"


class MediaQuery(_Strict):
    sql: str


class Checks(_Strict):
    invariant: list[Invariant] = Field(default_factory=list)
    media: MediaQuery | None = None


def load(path: str) -> Checks:
    """The registered checks; none without a file. A wrong file is refused."""
    if not path:
        return Checks()
    try:
        return Checks.model_validate(tomllib.loads(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise Refused(f"SIMS_BACKUP_CHECKS: cannot read {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"SIMS_BACKUP_CHECKS: {path}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refused(f"SIMS_BACKUP_CHECKS: {path}: {where}: {first['msg']}") from None


def evaluate(connection: Connection, checks: Checks) -> list[InvariantValue]:
    values = []
    for check in checks.invariant:
        with database_errors(f"invariant {check.name!r}"):
            row = connection.execute(check.sql.encode()).fetchone()
        values.append(InvariantValue(name=check.name, value=_text(row[0]) if row else None))
    return values


def broken(
    connection: Connection, checks: Checks, recorded: list[InvariantValue] | None
) -> list[str]:
    """What fails on a restored database; ``recorded`` is None for files without a manifest."""
    then = {item.name: item.value for item in recorded or []}
    problems = []
    for check, found in zip(checks.invariant, evaluate(connection, checks), strict=True):
        if check.expect != "same":
            wanted: str | None = str(check.expect)
        elif check.name in then:
            wanted = then[check.name]
        else:
            continue  # registered after the backup: nothing to compare with
        if found.value != wanted:
            problems.append(f"{check.name}: expected {wanted}, found {found.value}")
    return problems


def media_references(connection: Connection, checks: Checks) -> dict[str, str | None]:
    """Path to hash (or None) of every file the database refers to."""
    if checks.media is None:
        return {}
    with database_errors("media references"):
        rows = connection.execute(checks.media.sql.encode()).fetchall()
    return {str(row[0]): (str(row[1]) if len(row) > 1 and row[1] else None) for row in rows}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
