"""Restoring media around the swap of the database.

Missing files are put in place before the swap: the old database doesn't know them. Files
whose content differs are prepared aside and change places right after it, with what was
there kept for ``undo``. Files that the set does not have stay.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sims_backup.contract.manifest import Manifest
from sims_backup.engine.context import Context
from sims_backup.engine.reader import media_index, media_objects, open_media
from sims_backup.engine.verify import check_objects
from sims_backup.errors import NotProven, ObjectDamaged
from sims_backup.media import RESTORE_FOLDER, IndexEntry, MediaObject, hash_file
from sims_backup.parallel import Workers
from sims_backup.steps import effect
from sims_backup.storage.local import disk_errors, sync_directory
from sims_backup.streams import copy

_WRITERS = 8


class MediaRestore:
    """Media of one restore; ``root`` is the live directory."""

    def __init__(self, root: Path, restore_id: str) -> None:
        self.root = root
        self._folder = root / RESTORE_FOLDER / restore_id
        self._new, self._old = self._folder / "new", self._folder / "old"

    def prepare(self, context: Context, manifest: Manifest) -> int:
        """Adds missing files and prepares differing ones; returns how many files."""
        objects = {item.sha256: item for item in media_objects(context, manifest)}
        with Workers(_WRITERS, context.deadline, "media") as crew:
            work = self._lacking(context, manifest)
            done = crew.map(lambda item: self._fetch(context, manifest, objects, *item), work)
            count = sum(1 for _ in done)
        for folder in (self.root, self._new):
            if folder.is_dir():
                sync_directory(folder)
        return count

    def _lacking(self, context: Context, manifest: Manifest) -> Iterator[tuple[IndexEntry, Path]]:
        for entry in media_index(context, manifest):
            live = self.root / entry.path
            if not live.is_file():
                yield entry, live
            elif live.stat().st_size != entry.size or hash_file(live) != entry.sha256:
                yield entry, self._new / entry.path

    def _fetch(
        self,
        context: Context,
        manifest: Manifest,
        objects: dict[str, MediaObject],
        entry: IndexEntry,
        target: Path,
    ) -> None:
        item = objects.get(entry.sha256)
        if item is None:
            raise ObjectDamaged(f"{manifest.id}: no media object for {entry.path}")
        with disk_errors(target), open_media(context, manifest, item) as source:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name[:100]}.{os.getpid()}.partial")
            try:
                with effect("fs.write", entry.path), partial.open("wb") as sink:
                    copy(source, sink)
                    sink.flush()
                    os.fsync(sink.fileno())
                os.utime(partial, ns=(entry.mtime, entry.mtime))
                with effect("fs.rename", entry.path):
                    partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)

    def apply(self) -> None:
        """After the swap: prepared files change places with the live ones. Repeatable."""
        self._exchange(self._new, self._old)

    def revert(self) -> None:
        """Undo: what ``apply`` kept goes back, what it put in place is kept. Repeatable."""
        self._exchange(self._old, self._new)

    def _exchange(self, incoming: Path, outgoing: Path) -> None:
        with disk_errors(self.root):
            for path in sorted(_files(incoming)):
                relative = path.relative_to(incoming)
                live, aside = self.root / relative, outgoing / relative
                with effect("fs.exchange", str(relative)):
                    if live.exists() and not aside.exists():
                        aside.parent.mkdir(parents=True, exist_ok=True)
                        os.link(live, aside)
                    path.replace(live)

    def discard(self) -> None:
        """Forgets what was kept; after it there is no undo of media."""
        with effect("fs.rmtree", str(self._folder)):
            shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):
            (self.root / RESTORE_FOLDER).rmdir()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []


def require_media(context: Context, manifest: Manifest) -> None:
    """Refuses a set whose media is not completely in the store, by one listing."""
    if manifest.media is None:
        return
    namespace = manifest.media.namespace
    present = {info.key: info.size for info in context.storage.walk(f"media/{namespace}/")}
    lacking = [
        item.key(namespace)
        for item in media_objects(context, manifest)
        if present.get(item.key(namespace)) != item.stored_size
    ]
    if lacking:
        raise NotProven(
            f"{manifest.id}: {len(lacking)} media objects are missing or cut in "
            f"{context.storage.name}, first {lacking[0]}"
        )


def verify_media(context: Context, manifest: Manifest) -> list[str]:
    """Reads all media of the set and hashes it."""
    if manifest.media is None:
        return []
    namespace = manifest.media.namespace
    items = [
        (item.key(namespace), item.stored_size, item.stored_sha256)
        for item in media_objects(context, manifest)
    ]
    return check_objects(context, items)
