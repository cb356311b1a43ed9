"""The sets of a store as people and programs see them; needs no database."""

from __future__ import annotations

from sims_backup.contract.results import (
    ListResult,
    RestoresResult,
    RestoreSummary,
    RetentionEntry,
    SetSummary,
)
from sims_backup.engine.context import Context
from sims_backup.engine.prune import explain
from sims_backup.errors import Refused
from sims_backup.postgres.journal import Entry, Journal
from sims_backup.repository import StoredSet


def list_sets(context: Context) -> ListResult:
    contents = context.repository.contents()
    problems = [f"damaged: {why}" for why in contents.damaged.values()]
    problems += [f"{name}: unfinished, no backup; prune sweeps it" for name in contents.unfinished]
    try:
        entries = {e.id: e for e in explain(contents, context.settings, set())}
    except Refused as error:
        entries = {}
        problems.append(error.detail)
    return ListResult(
        target=context.storage.name,
        sets=[summary(item, entries.get(item.id)) for item in contents.sets],
        damaged=contents.damaged,
        unfinished=contents.unfinished,
        removed=context.repository.removed_ids(),
        problems=problems,
    )


def list_restores(context: Context, *, drills: bool) -> RestoresResult:
    with context.server.connect(context.server.maintenance) as connection:
        entries = Journal(connection).entries(context.server.database)
    return RestoresResult(
        database=context.server.database,
        restores=[_restore(entry) for entry in entries if drills or entry.kind != "drill"],
    )


def _restore(entry: Entry) -> RestoreSummary:
    """A database is kept for undo from the swap until it is purged."""
    kept = entry.kept if entry.state in {"swapped", "done"} and entry.kind == "swap" else None
    return RestoreSummary(
        restore_id=entry.restore_id,
        request=entry.request,
        kind=entry.kind,
        set_id=entry.set_id,
        database=entry.database,
        state=entry.state,
        safety_backup=entry.safety_set,
        kept_database=kept,
        kept_until=entry.kept_until if kept else None,
        started_at=entry.created_at,
        updated_at=entry.updated_at,
        message=entry.message,
    )


def summary(stored: StoredSet, entry: RetentionEntry | None = None) -> SetSummary:
    manifest = stored.manifest
    reasons: list[str] = []
    if entry is not None:
        going = [entry.goes_on] if entry.goes_on else []
        reasons = [*entry.reasons, *going] if entry.keep else ["goes at the next prune"]
    return SetSummary(
        id=stored.id,
        state=stored.state,
        created_at=manifest.snapshot_at,
        finished_at=manifest.finished_at,
        sequence=manifest.sequence,
        format=manifest.format,
        kind=manifest.kind,
        parent=manifest.parent,
        installation_id=manifest.installation_id,
        database=manifest.database.name,
        server_version=manifest.server.version,
        schema_revision=manifest.schema_revision,
        app_version=manifest.app_version,
        encrypted=manifest.encryption is not None,
        size=manifest.size,
        rows=manifest.rows,
        media_files=manifest.media.files if manifest.media else None,
        pinned=stored.pin is not None,
        locked_until=manifest.locked_until,
        verified_at=stored.verified_at,
        recovery_time=stored.recovery_time,
        reasons=reasons,
        note=stored.pin.reason if stored.pin else "",
    )
