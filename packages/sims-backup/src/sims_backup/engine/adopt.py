"""A backup with an id of the caller's: taken once, however often its Job is made again."""

from __future__ import annotations

from datetime import datetime

from sims_backup.contract.manifest import Manifest
from sims_backup.contract.naming import SET_ID
from sims_backup.contract.results import BackupResult
from sims_backup.engine.context import Context
from sims_backup.errors import AlreadyExists, Busy, NotProven, Refused
from sims_backup.repository import Claim, Contents, Repository
from sims_common.logs import get_logger

log = get_logger(__name__)


def claim(context: Context, set_id: str | None, started: datetime) -> Claim:
    """This id, or a new one of the moment ``started``."""
    repository, installation = context.repository, context.installation_id
    if set_id is None:
        return repository.claim(context.settings.backup_prefix, installation, started)
    try:
        return repository.claim_id(set_id, installation, started)
    except AlreadyExists:
        raise Busy(f"{set_id} was claimed by another process just now") from None


def adoptable(
    repository: Repository, contents: Contents, set_id: str, parent: str
) -> Manifest | None:
    """The published set of that id; None when it is to be taken, its dead rest swept.

    Call with the lock held: then no writer of the rest lives.
    """
    if not SET_ID.fullmatch(set_id):
        raise Refused(f"{set_id!r} is no id; it looks like fmu_platform_20261124_020000")
    for stored in contents.sets:
        if stored.id == set_id and stored.manifest.parent == parent:
            return stored.manifest
        if stored.id == set_id:
            raise Refused(
                f"{set_id} was taken for {stored.manifest.parent or 'nobody in particular'}, "
                f"not for {parent or 'nobody in particular'}"
            )
    if set_id in contents.damaged:
        raise NotProven(f"{set_id} exists and is damaged: {contents.damaged[set_id]}")
    if set_id in repository.tombstones():
        raise Refused(f"{set_id} existed and was removed; take another id")
    if set_id in contents.unfinished:
        repository.remove_rest(set_id)
        log.warning("rest of a dead run swept", set=set_id)
    return None


def adopted_result(manifest: Manifest, target: str, copies: dict[str, str]) -> BackupResult:
    """What the manifest of an earlier run says."""
    log.info("backup adopted from an earlier run", set=manifest.id)
    media = manifest.media
    return BackupResult(
        id=manifest.id,
        adopted=True,
        target=target,
        snapshot_at=manifest.snapshot_at,
        format=manifest.format,
        size=manifest.size,
        dump_bytes=manifest.size,
        media_files=media.files if media else 0,
        media_uploaded=0,
        duration=(manifest.finished_at - manifest.started_at).total_seconds(),
        stages={},
        peak_staging=0,
        verified=manifest.verified_at is not None,
        missing_media=media.missing if media else [],
        changed_media=media.changed if media else [],
        copies=copies,
    )
