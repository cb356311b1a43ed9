"""Applying retention to a store, and sweeping what dead runs left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sims_backup.contract.results import PruneResult, RetentionEntry
from sims_backup.contract.retention import Decision, Facts, Policy, decide, describe, forecast
from sims_backup.engine.context import Context
from sims_backup.engine.reader import media_objects
from sims_backup.engine.staging import sweep
from sims_backup.errors import BackupError
from sims_backup.postgres.journal import sets_in_use
from sims_backup.repository import Contents, StoredSet
from sims_backup.settings import BackupSettings
from sims_common.clock import now, today
from sims_common.logs import get_logger

log = get_logger(__name__)


def policy_of(settings: BackupSettings) -> Policy:
    return Policy(
        days=settings.retention_days,
        daily=settings.retention_daily,
        weekly=settings.retention_weekly,
        monthly=settings.retention_monthly,
        yearly=settings.retention_yearly,
        min_verified=settings.retention_min_verified,
        zone=settings.zone,
    )


def facts_of(stored: StoredSet, in_use: set[str]) -> Facts:
    manifest = stored.manifest
    return Facts(
        id=stored.id,
        sequence=manifest.sequence,
        created_at=manifest.snapshot_at,
        verified=stored.state == "verified",
        pinned=stored.pin is not None,
        locked_until=manifest.locked_until,
        in_use=stored.id in in_use,
    )


def explain(contents: Contents, settings: BackupSettings, in_use: set[str]) -> list[RetentionEntry]:
    """What retention says of each set now, and what goes within two weeks."""
    facts = [facts_of(item, in_use) for item in contents.sets]
    moment, policy = now(), policy_of(settings)
    going = forecast(facts, policy, moment)
    local = today(settings.zone)
    return [_entry(item, going.get(item.id), local) for item in decide(facts, policy, moment)]


def _entry(decision: Decision, when: date | None, local: date) -> RetentionEntry:
    return RetentionEntry(
        id=decision.id,
        keep=decision.keep,
        reasons=list(decision.reasons),
        goes_on=describe(when, local),
    )


@dataclass
class _Freed:
    deleted: list[str] = field(default_factory=list)
    swept: list[str] = field(default_factory=list)
    size: int = 0
    media: int = 0
    uploads: int = 0


def prune(context: Context, *, dry_run: bool) -> PruneResult:
    """Deletes what no rule keeps, then leftovers. Holds the lock, so no writer lives."""
    with context.lock():
        policy_of(context.settings)  # an empty policy is refused before anything is read
        if not dry_run:
            context.repository.adopt(context.installation_id)
        contents = context.repository.contents()
        entries = explain(contents, context.settings, sets_in_use(context.server))
        doomed = [entry for entry in entries if not entry.keep]
        freed = _Freed()
        if not dry_run:
            _delete(context, doomed, contents, freed)
        warnings = [f"{name}: {why}" for name, why in contents.damaged.items()]
        try:
            _sweep_media(context, contents, {e.id for e in doomed}, freed, dry_run=dry_run)
        except BackupError as error:
            warnings.append(f"media not swept: {error.detail}")
    return PruneResult(
        target=context.storage.name,
        dry_run=dry_run,
        entries=entries,
        deleted=[entry.id for entry in doomed],
        swept_sets=contents.unfinished,
        swept_uploads=freed.uploads,
        media_deleted=freed.media,
        bytes_freed=freed.size,
        warnings=warnings,
    )


def _delete(
    context: Context, doomed: list[RetentionEntry], contents: Contents, freed: _Freed
) -> None:
    with context.progress.stage("prune"):
        for entry in doomed:
            context.deadline.check()
            size = context.repository.remove(entry.id, "; ".join(entry.reasons))
            freed.size += size
            log.info("set removed", set=entry.id, bytes=size, reasons=entry.reasons)
        for set_id in contents.unfinished:
            freed.size += context.repository.remove_rest(set_id)
            log.info("unfinished set swept", set=set_id)
        freed.uploads = context.storage.sweep_uploads()
        sweep(context.settings.backup_staging_dir)


def _sweep_media(
    context: Context, contents: Contents, gone: set[str], freed: _Freed, *, dry_run: bool
) -> None:
    """Removes media that no remaining set lists; any unreadable list stops it."""
    if contents.damaged:
        raise BackupError("a damaged set may still need media; repair or remove it first")
    present = {info.key: info.size for info in context.storage.walk("media/")}
    if not present:
        return
    for item in contents.sets:
        media = item.manifest.media
        if media is None or item.id in gone:
            continue
        for listed in media_objects(context, item.manifest):
            present.pop(listed.key(media.namespace), None)
    freed.media = len(present)
    freed.size += sum(present.values())
    if not dry_run:
        context.storage.delete(present)
