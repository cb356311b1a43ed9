"""The sets of a store as people and programs see them; needs no database."""

from __future__ import annotations

from sims_backup.contract.results import ListResult, RetentionEntry, SetSummary
from sims_backup.engine.context import Context
from sims_backup.engine.prune import explain
from sims_backup.errors import Refused
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
        problems=problems,
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
        sequence=manifest.sequence,
        format=manifest.format,
        kind=manifest.kind,
        size=manifest.size,
        rows=manifest.rows,
        media_files=manifest.media.files if manifest.media else None,
        pinned=stored.pin is not None,
        verified_at=stored.verified_at,
        recovery_time=stored.recovery_time,
        reasons=reasons,
        note=stored.pin.reason if stored.pin else "",
    )
