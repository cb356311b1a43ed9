"""Media of a set: what the store lacks is uploaded, the rest is only listed.

A file is hashed when it is new or its size or mtime changed; content already in the
store is never sent again. A run over unchanged files costs one listing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sims_backup.contract.manifest import MediaFacts, StoredObject
from sims_backup.engine.writer import UPLOAD, SetWriter
from sims_backup.errors import ContentChanged, ObjectDamaged, Refused
from sims_backup.media import (
    INDEX,
    OBJECTS,
    IndexEntry,
    MediaFile,
    MediaObject,
    hash_file,
    index_lines,
    object_key,
    object_lines,
    scan,
)
from sims_backup.parallel import Workers
from sims_backup.storage import Upload
from sims_backup.streams import BLOCK, Checked, FileSource, Hashed, Source, ZstdCompressed, drain
from sims_common.logs import get_logger

log = get_logger(__name__)

_HASHERS = 4
_READERS = 16
_TRIES = 3


@dataclass
class Known:
    """What an earlier set of the same namespace tells: it saves hashing and reading."""

    files: dict[str, IndexEntry] = field(default_factory=dict)
    objects: dict[str, MediaObject] = field(default_factory=dict)


class _OneFile:
    """A live file as a source: opened late, closed at its end, checked against its hash."""

    def __init__(self, path: Path, sha256: str, watch: Callable[[int], None]) -> None:
        self._path, self._sha256, self._watch = path, sha256, watch
        self._file: FileSource | None = None
        self._checked: Checked | None = None

    def read(self, size: int = BLOCK, /) -> bytes:
        try:
            if self._checked is None:
                self._file = FileSource(self._path)
                self._checked = Checked(
                    self._file, sha256=self._sha256, size=None, name=str(self._path)
                )
            block = self._checked.read(size) if self._file and not self._file.closed else b""
        except (ObjectDamaged, FileNotFoundError) as error:
            self._close()
            raise ContentChanged(f"{self._path} changed while it was read") from error
        self._watch(len(block))
        if not block:
            self._close()
        return block

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


class MediaBackup:
    def __init__(self, root: Path, writer: SetWriter, known: Known) -> None:
        if not root.is_dir():
            raise Refused(
                f"SIMS_BACKUP_MEDIA_DIR: {root} is no directory; mount it, or unset the variable "
                "to back up without media"
            )
        self._root, self._writer, self._known = root, writer, known
        recipients = writer.recipients
        self.namespace = recipients.namespace if recipients else "plain"
        self.uploaded = 0

    def run(self, references: dict[str, str | None]) -> MediaFacts:
        """Writes media objects and both lists; names what is missing or changed."""
        with Workers(_HASHERS, self._writer.deadline, "hash") as crew:
            entries = {e.path: e for e in crew.map(self._entry, scan(self._root)) if e is not None}
        present = {
            info.key.rsplit("/", 1)[1]: info.size
            for info in self._writer.storage.walk(f"media/{self.namespace}/")
        }
        objects, unstable = self._ensure(entries, present)
        ordered = [entries[path] for path in sorted(entries) if path not in unstable]
        level = 3
        self._writer.store(INDEX, ZstdCompressed(index_lines(ordered), level))
        wanted = sorted({entry.sha256 for entry in ordered})
        listed = (objects[sha256] for sha256 in wanted)
        self._writer.store(OBJECTS, ZstdCompressed(object_lines(listed), level), plain=True)
        return MediaFacts(
            namespace=self.namespace,
            files=len(ordered),
            size=sum(entry.size for entry in ordered),
            missing=sorted(path for path in references if path not in entries),
            changed=sorted(unstable | _differing(entries, references)),
        )

    def _entry(self, file: MediaFile) -> IndexEntry | None:
        self._writer.deadline.check()
        before = self._known.files.get(file.path)
        if before is not None and (before.size, before.mtime) == (file.size, file.mtime):
            return before
        try:
            sha256 = hash_file(self._root / file.path)
        except FileNotFoundError:
            return None  # removed since the scan; a reference to it names it as missing
        return IndexEntry(file.path, sha256, file.size, file.mtime)

    def _ensure(
        self, entries: dict[str, IndexEntry], present: dict[str, int]
    ) -> tuple[dict[str, MediaObject], set[str]]:
        """Every content in the store; returns objects and paths that kept changing."""
        objects = self._reused(entries, present)
        for attempt in range(_TRIES):
            lacking = {e.sha256: e for e in entries.values() if e.sha256 not in objects}
            if not lacking:
                return objects, set()
            if attempt:
                self._rehash(entries, objects)
                lacking = {e.sha256: e for e in entries.values() if e.sha256 not in objects}
            objects |= self._upload(lacking)
        return objects, {e.path for e in entries.values() if e.sha256 not in objects}

    def _rehash(self, entries: dict[str, IndexEntry], objects: dict[str, MediaObject]) -> None:
        for path in [p for p, e in entries.items() if e.sha256 not in objects]:
            try:
                size = (self._root / path).stat().st_size
                sha256 = hash_file(self._root / path)
            except FileNotFoundError:
                del entries[path]
                continue
            entries[path] = replace(entries[path], sha256=sha256, size=size)

    def _reused(
        self, entries: dict[str, IndexEntry], present: dict[str, int]
    ) -> dict[str, MediaObject]:
        """Content that is in the store with the size it should have."""
        objects: dict[str, MediaObject] = {}
        for sha256 in {entry.sha256 for entry in entries.values()} & present.keys():
            known = self._known.objects.get(sha256)
            if known is not None and known.stored_size == present[sha256]:
                objects[sha256] = self._relock(known)
            elif (found := self._inspect(sha256)) is not None:
                objects[sha256] = found
        return objects

    def _relock(self, known: MediaObject) -> MediaObject:
        """An object of an earlier set must stay locked as long as this set."""
        until = self._writer.lock_until
        if until is None or not self._writer.storage.locks:
            return known
        if known.locked_until is not None and known.locked_until >= until:
            return known
        longer = until + timedelta(days=7)  # so that not every run extends every object
        self._writer.storage.extend_lock(known.key(self.namespace), longer)
        return replace(known, locked_until=longer)

    def _inspect(self, sha256: str) -> MediaObject | None:
        """An object that no earlier set listed: a dead run left it; read it to know it."""
        key = object_key(self.namespace, sha256)
        stored = _hash_stored(self._writer, key)
        if self.namespace == "plain" and stored.sha256 != sha256:
            log.error("damaged media object replaced", key=key)
            self._writer.storage.delete([key])
            return None
        return MediaObject(sha256, stored.size, stored.sha256, self._lock())

    def _lock(self) -> datetime | None:
        return self._writer.lock_until if self._writer.storage.locks else None

    def _upload(self, lacking: dict[str, IndexEntry]) -> dict[str, MediaObject]:
        storage = self._writer.storage
        found: dict[str, MediaObject] = {}
        with Workers(_READERS, self._writer.deadline, "read-back") as crew:
            sent = storage.put_many(self._uploads(lacking), lock_until=self._writer.lock_until)
            checked = crew.map(self._read_back, sent) if self._writer.verify else sent
            for stored in checked:
                sha256 = stored.key.rsplit("/", 1)[1]
                found[sha256] = MediaObject(sha256, stored.size, stored.sha256, self._lock())
        self.uploaded += len(found)
        return found

    def _uploads(self, lacking: dict[str, IndexEntry]) -> Iterator[Upload]:
        for entry in lacking.values():
            yield Upload(
                object_key(self.namespace, entry.sha256),
                lambda e=entry: self._open(e),  # type: ignore[misc]  # mypy can't infer a lambda with a default
            )

    def _open(self, entry: IndexEntry) -> Source:
        source: Source = _OneFile(self._root / entry.path, entry.sha256, self._watch)
        recipients = self._writer.recipients
        return recipients.encrypt(source) if recipients else source

    def _watch(self, amount: int) -> None:
        self._writer.deadline.check()
        self._writer.progress.advance(UPLOAD, amount)

    def _read_back(self, stored: StoredObject) -> StoredObject:
        found = _hash_stored(self._writer, stored.key)
        if (found.size, found.sha256) != (stored.size, stored.sha256):
            raise ObjectDamaged(f"{stored.key}: the store returns other bytes than were sent")
        return stored


def _hash_stored(writer: SetWriter, key: str) -> StoredObject:

    with writer.storage.open(key) as body:
        hashed = Hashed(body, writer.deadline.watch)
        drain(hashed)
    return StoredObject(key=key, size=hashed.size, sha256=hashed.sha256)


def _differing(entries: dict[str, IndexEntry], references: dict[str, str | None]) -> set[str]:
    return {
        path
        for path, sha256 in references.items()
        if sha256 is not None and path in entries and entries[path].sha256 != sha256
    }
