"""The checks of ``sims check``: configuration, schema, and what the data must satisfy."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.sql import quoted_name
from sqlalchemy.sql.expression import table

from sims_cli.database import connected
from sims_cli.findings import Finding, Level
from sims_cli.state import find, use_local_installation
from sims_common.settings import (
    PREFIX,
    DatabaseSettings,
    InstitutionSettings,
    LogSettings,
    MailSettings,
    RedisSettings,
    SecuritySettings,
    Settings,
)
from sims_core import migrate
from sims_core.domain.permissions import PERMISSIONS, ROLES
from sims_core.models import GradingBand, GradingScheme, Permission, Role, RowCount

RECOUNT = (
    "In psql: BEGIN; LOCK TABLE {0} IN SHARE MODE; DELETE FROM row_count WHERE entity = '{0}';"
    " INSERT INTO row_count SELECT '{0}', 0, count(*) FROM {0}; COMMIT;"
)
ALL: tuple[type[Settings], ...] = (
    DatabaseSettings,
    RedisSettings,
    SecuritySettings,
    MailSettings,
    InstitutionSettings,
    LogSettings,
)


def findings() -> Iterator[Finding]:
    """Without a valid database setting only the configuration is looked at."""
    use_local_installation(find())
    configuration = [finding for cls in ALL for finding in settings(cls)]
    yield from configuration
    if any(f.level is Level.FAIL and f.name.startswith("SIMS_DATABASE") for f in configuration):
        return
    with connected("sims check", statement_timeout=0) as engine:
        schema = migrations(engine)
        yield schema
        if schema.level is not Level.FAIL:
            yield from data(engine)


def settings(cls: type[Settings]) -> Iterator[Finding]:
    """One finding for each wrong variable, or one that says the group is well."""
    group = cls.__name__.removesuffix("Settings").lower()
    try:
        cls()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = PREFIX + "_".join(str(part) for part in problem["loc"]).upper()
            yield Finding(name, Level.FAIL, problem["msg"], f"Set {name} (or {name}_FILE).")
    except SystemExit as error:  # an unreadable _FILE
        yield Finding(f"settings: {group}", Level.FAIL, str(error), "Correct the file's path.")
    else:
        yield Finding(f"settings: {group}", Level.OK, "valid")


def migrations(engine: Engine) -> Finding:
    with engine.connect() as connection:
        found = migrate.schema(connection)
    if found.pending:
        detail = f"{found.pending} pending, the schema is at {found.revision or 'nothing'}"
        return Finding("migrations", Level.FAIL, detail, "Run `sims migrate`.")
    if found.revision in migrate.known_revisions():
        return Finding("migrations", Level.OK, f"at {found.revision}")
    detail = f"the schema is at {found.revision}, newer than this program ({migrate.head()})"
    if found.too_new:
        advice = "Run the version of SIMS that migrated it: this one cannot work with it."
        return Finding("migrations", Level.FAIL, detail, advice)
    return Finding("migrations", Level.WARN, detail, "Upgrade SIMS, unless you rolled it back.")


def data(engine: Engine) -> Iterator[Finding]:
    """All in one snapshot, so that writers do not look like inconsistencies."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        yield from row_counts(connection)
        yield from grading(connection)
        yield from permissions(connection)


def row_counts(connection: Connection) -> Iterator[Finding]:
    counted = connection.execute(
        text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'count_inserted'")
    )
    for name in sorted(counted.scalars()):
        rows = select(func.count()).select_from(table(quoted_name(name, quote=None)))
        kept = select(func.coalesce(func.sum(RowCount.n), 0)).where(RowCount.entity == name)
        real, stored = connection.scalar(rows), int(connection.scalar(kept) or 0)
        if real == stored:
            yield Finding(f"count: {name}", Level.OK, f"{real:,}")
            continue
        detail = f"row_count says {stored:,}, the table has {real:,}"
        yield Finding(f"count: {name}", Level.FAIL, detail, RECOUNT.format(name))


def grading(connection: Connection) -> Iterator[Finding]:
    defaults = connection.scalar(
        select(func.count()).select_from(GradingScheme).where(GradingScheme.is_default)
    )
    if defaults == 1:
        yield Finding("grading scheme", Level.OK, "one default")
    else:
        fix = "Make exactly one grading scheme the default."
        yield Finding("grading scheme", Level.FAIL, f"{defaults} defaults, not 1", fix)
    lowest = (
        select(GradingBand.scheme_id)
        .group_by(GradingBand.scheme_id)
        .having(func.min(GradingBand.min_percent) == 0)
    )
    gaps = connection.scalars(
        select(GradingScheme.name).where(GradingScheme.id.not_in(lowest))
    ).all()
    for name in gaps:
        fix = "Add a band from 0 percent."
        yield Finding("grading scheme", Level.FAIL, f"{name}: no letter for 0 percent", fix)


def permissions(connection: Connection) -> Iterator[Finding]:
    codes = set(connection.scalars(select(Permission.code)))
    roles = set(connection.scalars(select(Role.name)))
    missing = sorted((PERMISSIONS.keys() - codes) | (ROLES.keys() - roles))
    if missing:
        fix = "Run `sims migrate`; if they were deleted by hand, restore them from a backup."
        yield Finding("permissions", Level.FAIL, f"missing: {', '.join(missing)}", fix)
    else:
        detail = f"{len(PERMISSIONS)} permissions, {len(ROLES)} roles"
        yield Finding("permissions", Level.OK, detail)
