"""Copying sets between stores; deletion only of what retention removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sims_backup.contract.manifest import Manifest
from sims_backup.contract.results import SyncResult
from sims_backup.engine.context import Context
from sims_backup.engine.reader import media_objects
from sims_backup.errors import AlreadyExists, Refused
from sims_backup.media import MediaObject
from sims_backup.repository import CLAIM, Claim, Contents, Repository
from sims_backup.storage import Upload
from sims_backup.streams import BLOCK, ByteStream, Checked, Source, Watched, drain
from sims_common.clock import now
from sims_common.logs import get_logger

log = get_logger(__name__)


class _Stored:
    """An object of the source store: opened late, checked, closed at its end."""

    def __init__(self, context: Context, key: str, size: int, sha256: str) -> None:
        self._context, self._key, self._size, self._sha256 = context, key, size, sha256
        self._body: ByteStream | None = None
        self._checked: Source | None = None
        self._ended = False

    def read(self, size: int = BLOCK, /) -> bytes:
        if self._body is None or self._checked is None:
            self._body = self._context.storage.open(self._key)
            self._checked = Checked(
                Watched(self._body, self._context.deadline.watch),
                sha256=self._sha256,
                size=self._size,
                name=f"{self._context.storage.name}/{self._key}",
            )
        if self._ended:
            return b""
        try:
            block = self._checked.read(size)
        except BaseException:
            self._body.close()
            raise
        if not block:
            self._ended = True
            self._body.close()
        return block


@dataclass
class Copied:
    media: int = 0
    size: int = 0


def copy_set(context: Context, target: Repository, manifest: Manifest) -> Copied:
    """Media, then the set's objects, manifest last. Continues where a dead run stopped."""
    copied = Copied()
    if target.published(manifest):
        return copied
    claim = _claim(target, manifest)
    lock_until = manifest.locked_until
    if manifest.media is not None:
        _copy_media(context, target, manifest, copied)
    for item in manifest.objects:
        key = f"{manifest.id}/{item.key}"
        source = _Stored(context, key, item.size, item.sha256)
        try:
            target.storage.put(key, source, lock_until=lock_until)
            copied.size += item.size
        except AlreadyExists:
            log.info("object was copied by an earlier run", key=key)
        _require_same(context, target, key, item.size, item.sha256)
    target.publish(manifest, claim)
    return copied


def _claim(target: Repository, manifest: Manifest) -> Claim:
    """Takes over the claim that a dead run left in the target."""
    if target.storage.stat(f"{manifest.id}/{CLAIM}") is not None:
        target.storage.delete([f"{manifest.id}/{CLAIM}"])
    return target.claim_id(manifest.id, manifest.installation_id, now())


def _copy_media(context: Context, target: Repository, manifest: Manifest, copied: Copied) -> None:
    namespace = manifest.media.namespace if manifest.media else "plain"
    present = {info.key: info.size for info in target.storage.walk(f"media/{namespace}/")}
    wanted = {item.key(namespace): item for item in media_objects(context, manifest)}

    def uploads() -> Iterator[Upload]:
        for key, item in wanted.items():
            if present.get(key) != item.stored_size:
                yield Upload(key, _opener(context, key, item))

    cut = [k for k, size in present.items() if k in wanted and size != wanted[k].stored_size]
    target.storage.delete(cut)
    for stored in target.storage.put_many(uploads(), lock_until=manifest.locked_until):
        copied.media += 1
        copied.size += stored.size


def _opener(context: Context, key: str, item: MediaObject) -> Callable[[], Source]:
    return lambda: _Stored(context, key, item.stored_size, item.stored_sha256)


def _require_same(context: Context, target: Repository, key: str, size: int, sha256: str) -> None:
    with target.storage.open(key) as body:
        name = f"{target.storage.name}/{key}"
        drain(Checked(Watched(body, context.deadline.watch), sha256=sha256, size=size, name=name))


def synchronise(context: Context, target: Repository, *, delete: bool, dry_run: bool) -> SyncResult:
    """Copies published, good sets that ``target`` lacks; with ``delete`` also removes.

    Only a set with a tombstone in the source is removed, never one that merely is not there:
    an emptied source deletes nothing. The target's newest verified set and pins stay.
    """
    if target.storage.name == context.storage.name:
        raise Refused("source and target are the same store")
    with context.lock():
        if not dry_run:
            target.adopt(context.installation_id)
        there = target.contents()
        known = {item.id for item in there.sets}
        copied = Copied()
        missing = [
            item
            for item in context.repository.contents().sets
            if item.id not in known | there.damaged.keys() and item.state != "failed"
        ]
        for item in missing if not dry_run else []:
            with context.progress.stage(f"copy {item.id}", item.manifest.size):
                made = copy_set(context, target, item.manifest)
            copied.media += made.media
            copied.size += made.size
        deleted, kept = _delete(context, target, there, dry_run=dry_run) if delete else ([], {})
    return SyncResult(
        source=context.storage.name,
        target=target.storage.name,
        dry_run=dry_run,
        copied=[item.id for item in missing],
        deleted=deleted,
        kept=kept,
        damaged=there.damaged,
        media_copied=copied.media,
        bytes_copied=copied.size,
    )


def _delete(
    context: Context, target: Repository, there: Contents, *, dry_run: bool
) -> tuple[list[str], dict[str, str]]:
    stones = context.repository.tombstones()
    good = [item.id for item in there.sets if item.state == "verified"]
    floor = set(good[-context.settings.retention_min_verified :])
    deleted: list[str] = []
    kept: dict[str, str] = {}
    for item in there.sets:
        if item.id not in stones:
            continue
        if item.pin is not None:
            kept[item.id] = "pinned in the target"
        elif item.id in floor:
            kept[item.id] = "floor of verified sets in the target"
        else:
            if not dry_run:
                target.remove(item.id, stones[item.id].reason)
            deleted.append(item.id)
    return deleted, kept
