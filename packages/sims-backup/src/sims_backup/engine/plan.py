"""What a restore would change: rows, schema, media; nothing is touched."""

from __future__ import annotations

import psycopg

from sims_backup.contract.manifest import Manifest, TableFacts
from sims_backup.contract.results import PlanResult, TableDifference
from sims_backup.engine.checks import count
from sims_backup.engine.context import Context
from sims_backup.engine.reader import media_index
from sims_backup.engine.restore import other_installation
from sims_backup.errors import DatabaseUnavailable
from sims_backup.media import hash_file
from sims_backup.postgres.catalog import Table, existing_roles, tables


def plan(context: Context, manifest: Manifest) -> PlanResult:
    """Exact counts of the live database beside those of the set."""
    context.require_key(manifest)
    context.require_server(manifest)
    context.restore_client(manifest)
    try:
        found, revision, roles = _now(context)
    except DatabaseUnavailable as error:
        if "does not exist" not in error.detail:
            raise
        found, revision, roles = {}, None, set(manifest.roles)
    rows = count(context, context.server.database, list(found.values())) if found else {}
    missing, different = _media(context, manifest)
    warnings = [note] if (note := other_installation(context, manifest)) else []
    if lacking := sorted(set(manifest.roles) - roles):
        warnings.append(f"roles missing on this server: {', '.join(lacking)}")
    return PlanResult(
        id=manifest.id,
        database=context.server.database,
        snapshot_at=manifest.snapshot_at,
        tables=_differences(manifest, rows),
        schema_changes=_schema(manifest, found),
        media_missing_here=missing,
        media_different_here=different,
        revision_now=revision,
        revision_then=manifest.schema_revision,
        warnings=warnings,
    )


def _now(context: Context) -> tuple[dict[str, Table], str | None, set[str]]:
    with context.server.connect() as connection:
        try:
            row = connection.execute(context.settings.backup_revision_sql.encode()).fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
        roles = existing_roles(connection)
        connection.execute("SET search_path = pg_catalog")
        found = {f"{t.schema}.{t.name}": t for t in tables(connection)}
    return found, str(row[0]) if row else None, roles


def _differences(manifest: Manifest, rows: dict[str, int]) -> list[TableDifference]:
    then = {table.label: table.rows for table in manifest.tables}
    return [
        TableDifference(table=label, rows_now=rows.get(label), rows_then=then.get(label))
        for label in sorted(then.keys() | rows.keys())
        if rows.get(label) != then.get(label)
    ]


def _schema(manifest: Manifest, found: dict[str, Table]) -> list[str]:
    then = {table.label: table for table in manifest.tables}
    changes = [f"table {label} would vanish" for label in found.keys() - then.keys()]
    changes += [f"table {label} would come back" for label in then.keys() - found.keys()]
    for label in found.keys() & then.keys():
        changes += _columns(label, found[label], then[label])
    return sorted(changes)


def _columns(label: str, found: Table, then: TableFacts) -> list[str]:
    gone, back = found.columns.keys() - then.columns.keys(), then.columns.keys() - found.columns
    changes = [f"column {label}.{name} would vanish" for name in gone]
    changes += [f"column {label}.{name} would come back" for name in back]
    for name in found.columns.keys() & then.columns.keys():
        here, there = found.columns[name], then.columns[name]
        if here != there:
            changes.append(f"column {label}.{name}: {here} would become {there}")
    return changes


def _media(context: Context, manifest: Manifest) -> tuple[int, int]:
    root = context.settings.media_dir
    if root is None or manifest.media is None:
        return 0, 0
    missing = different = 0
    for entry in media_index(context, manifest):
        live = root / entry.path
        if not live.is_file():
            missing += 1
        elif live.stat().st_size != entry.size or hash_file(live) != entry.sha256:
            different += 1
    return missing, different
