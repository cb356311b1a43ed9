"""The drill: a real restore beside the live database, checked, timed and dropped."""

from __future__ import annotations

import time

from sims_backup.contract.results import DrillResult, Mark
from sims_backup.engine.checks import broken_invariants, compare
from sims_backup.engine.context import Context
from sims_backup.engine.load import Loader
from sims_backup.engine.media_restore import verify_media
from sims_backup.engine.recover import recover
from sims_backup.engine.restore_run import new_restore_id
from sims_backup.errors import BackupError, NotProven, SetNotFound
from sims_backup.postgres import databases
from sims_backup.postgres.catalog import existing_roles
from sims_backup.postgres.journal import Entry, Journal
from sims_backup.postgres.server import Connection
from sims_backup.repository import StoredSet
from sims_common.clock import now
from sims_common.version import app_version


def drill(context: Context, stored: StoredSet) -> DrillResult:
    """Proves a set, and records how long recovery took. The live database is not touched."""
    manifest = stored.manifest
    context.require_key(manifest)
    context.require_server(manifest)
    with context.lock() as lock:
        recover(context, lock.connection)
        journal = Journal(lock.connection)
        journal.prepare()
        restore_id = new_restore_id()
        scratch = databases.derived_name(context.server.database, f"__drill_{restore_id}")
        journal.begin(_entry(context, stored, restore_id, scratch))
        began = time.monotonic()
        try:
            problems = _attempt(context, stored, lock.connection, scratch)
        finally:
            spent = time.monotonic() - began
            databases.drop(lock.connection, scratch)
            journal.set(restore_id, state="purged")
    context.repository.add_mark(
        Mark(
            set_id=manifest.id,
            kind="drill",
            at=now(),
            passed=not problems,
            duration=spent,
            problems=problems[:20],
            by=f"sims-backup {app_version()}",
        )
    )
    return DrillResult(
        id=manifest.id,
        target=context.storage.name,
        passed=not problems,
        recovery_time=spent,
        stages=dict(context.progress.seconds),
        tables=len(manifest.tables),
        rows=manifest.rows,
        problems=problems,
    )


def _entry(context: Context, stored: StoredSet, restore_id: str, scratch: str) -> Entry:
    return Entry(
        restore_id=restore_id,
        guard=context.server.database,
        kind="drill",
        database=context.server.database,
        set_id=stored.id,
        state="loading",
        scratch=scratch,
        kept=None,
        kept_until=None,
        safety_set=None,
        media_root=None,
        role=None,
        request="",
        message="",
        created_at=now(),
        updated_at=now(),
    )


def _attempt(
    context: Context, stored: StoredSet, connection: Connection, scratch: str
) -> list[str]:
    """What is wrong with the set; an unusable server or store raises instead."""
    manifest = stored.manifest
    missing = sorted(set(manifest.roles) - existing_roles(connection))
    if missing:
        raise BackupError(
            f"roles {', '.join(missing)} don't exist on this server, so the drill says nothing "
            "about the backup; create them first"
        )
    owner = manifest.database.owner
    databases.create(connection, scratch, manifest.database, owner)
    try:
        Loader(context, manifest, scratch).run()
        with context.progress.stage("compare"):
            problems = compare(context, manifest, scratch)
            problems += broken_invariants(context, manifest, scratch)
        with context.progress.stage("media"):
            problems += verify_media(context, manifest)
    except (NotProven, SetNotFound) as error:
        return [error.detail]
    return problems
