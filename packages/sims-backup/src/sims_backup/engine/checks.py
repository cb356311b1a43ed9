"""Does a restored database hold what the manifest says?"""

from __future__ import annotations

import queue

from sims_backup.contract.manifest import CatalogFacts, Manifest, TableFacts
from sims_backup.engine.context import Context
from sims_backup.invariants import broken
from sims_backup.parallel import Workers
from sims_backup.postgres.catalog import Table, catalog, count_rows, tables
from sims_backup.postgres.server import Connection

_INVALID_INDEX = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid LIMIT 5"


def compare(context: Context, manifest: Manifest, name: str) -> list[str]:
    """Differences in tables, rows, surroundings; empty when all is there."""
    with context.server.connect(name) as connection:
        connection.execute("SET search_path = pg_catalog")
        found = {f"{t.schema}.{t.name}": t for t in tables(connection)}
        problems = _surroundings(manifest.catalog, catalog(connection))
        invalid = connection.execute(_INVALID_INDEX).fetchall()
    problems += [f"index {row[0]} is not valid" for row in invalid]
    expected = {table.label: table for table in manifest.tables}
    problems += [f"table {label} is missing" for label in expected.keys() - found.keys()]
    problems += [f"table {label} is not in the backup" for label in found.keys() - expected.keys()]
    shared = [found[label] for label in sorted(expected.keys() & found.keys())]
    for table, rows in count(context, name, shared).items():
        problems += _rows(expected[table], rows, found[table])
    return sorted(problems)


def _rows(expected: TableFacts, rows: int, found: Table) -> list[str]:
    problems = []
    if rows != expected.rows:
        problems.append(f"table {expected.label}: {expected.rows} rows expected, {rows} found")
    if list(found.columns) != list(expected.columns):
        problems.append(f"table {expected.label}: columns differ")
    return problems


def _surroundings(expected: CatalogFacts, found: CatalogFacts) -> list[str]:
    problems = []
    for what, number in expected.model_dump(exclude={"extensions"}).items():
        have = getattr(found, what)
        if have != number:
            problems.append(f"{what.replace('_', ' ')}: {number} expected, {have} found")
    missing = expected.extensions.keys() - found.extensions.keys()
    return problems + [f"extension {name} is missing" for name in sorted(missing)]


def count(context: Context, name: str, wanted: list[Table]) -> dict[str, int]:
    """Exact rows of each table by its label, over several connections."""
    jobs = context.settings.backup_jobs
    pool: queue.SimpleQueue[Connection] = queue.SimpleQueue()
    connections = [context.server.connect(name) for _ in range(min(jobs, max(1, len(wanted))))]
    for connection in connections:
        pool.put(connection)

    def one(table: Table) -> int:
        connection = pool.get()
        try:
            return count_rows(connection, table)
        finally:
            pool.put(connection)

    try:
        ordered = sorted(wanted, key=lambda table: -table.size)
        with Workers(len(connections), context.deadline, "count") as crew:
            rows = list(crew.map(one, ordered))
    finally:
        for connection in connections:
            connection.close()
    return {f"{t.schema}.{t.name}": n for t, n in zip(ordered, rows, strict=True)}


def broken_invariants(context: Context, manifest: Manifest | None, name: str) -> list[str]:
    recorded = manifest.invariants if manifest is not None else None
    with context.server.connect(name) as connection:
        return broken(connection, context.checks, recorded)
