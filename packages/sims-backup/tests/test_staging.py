"""Staging stays small and never stops a dump for good; what a killed run left goes."""

from __future__ import annotations

from typing import Any

import pytest

from sims_backup.contract.results import BackupResult
from sims_backup.engine.backup import take_backup

MIB = 1024**2


def incompressible(school: Any, table: str, mib: int) -> None:
    """About ``mib`` MiB of hashes in a table."""
    school.server.run(
        school.name,
        f"CREATE TABLE {table} (page bytea)",
        f"INSERT INTO {table} SELECT string_agg(sha256((n * 100000 + m)::text::bytea), '')"
        f" FROM generate_series(1, {8 * mib}) n, generate_series(1, 4096) m GROUP BY n",
    )


def test_a_file_larger_than_the_limit_does_not_stop_the_dump(
    open_context: Any, school: Any
) -> None:
    incompressible(school, "scan", 4)
    context = open_context(backup_split_size=10**9, backup_staging_limit=MIB, backup_deadline=60.0)
    assert take_backup(context).peak_staging > MIB


def test_several_tables_wait_for_their_upload(open_context: Any, school: Any) -> None:
    """Twelve tables of 1 MiB each: they leave staging one after the other."""
    for number in range(12):
        incompressible(school, f"scan_{number}", 1)
    context = open_context(backup_split_size=10**9, backup_staging_limit=MIB)
    assert take_backup(context).peak_staging < 8 * MIB


@pytest.mark.long
def test_large_objects_leave_staging_group_by_group(open_context: Any, school: Any) -> None:
    """pg_dump 17 writes them in groups of a thousand: 6 MiB in three groups."""
    school.server.run(
        school.name,
        "SELECT lo_from_bytea(0, (SELECT string_agg(sha256((n * 1000 + m)::text::bytea), '')"
        " FROM generate_series(1, 64) m)) FROM generate_series(1, 3000) n",
    )
    result: BackupResult = take_backup(open_context(backup_staging_limit=MIB))
    assert result.size > 6_000_000
    assert result.peak_staging < 5 * MIB
