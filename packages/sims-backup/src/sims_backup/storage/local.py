"""A directory as a store: temporary file, fsync, link, directory fsync."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from sims_backup.contract.manifest import StoredObject
from sims_backup.errors import (
    AlreadyExists,
    ContentChanged,
    NoSpace,
    ObjectMissing,
    StoreUnavailable,
)
from sims_backup.steps import effect
from sims_backup.storage import ObjectInfo, Upload, check_key
from sims_backup.streams import ByteStream, FileSource, Hashed, Source, copy

PARTIAL = ".partial"
_BATCH = 256
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}


@contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """OSErrors as what a person has to do about them."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpace(f"{where}: no space left; free some or choose another place") from error
        reason = error.strerror or str(error)
        raise StoreUnavailable(f"{error.filename or where}: {reason}") from error


def sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class LocalStorage:
    """Objects are plain files; file mode 0600 in directories of mode 0700."""

    locks = False

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def name(self) -> str:
        return str(self.root)

    def path(self, key: str) -> Path:
        return self.root / check_key(key)

    def put(self, key: str, source: Source, *, lock_until: datetime | None = None) -> StoredObject:
        del lock_until
        with disk_errors(self.root):
            temporary, stored = self._write(Upload(key, lambda: source))
            self._publish([(temporary, stored)])
        return stored

    def put_many(
        self, uploads: Iterable[Upload], *, lock_until: datetime | None = None
    ) -> Iterator[StoredObject]:
        del lock_until
        pending = iter(uploads)
        while batch := list(islice(pending, _BATCH)):
            written: list[tuple[Path, StoredObject]] = []
            with disk_errors(self.root):
                try:
                    for upload in batch:
                        with suppress(ContentChanged):
                            written.append(self._write(upload))
                finally:
                    self._publish(written)
            yield from (stored for _, stored in written)

    def _write(self, upload: Upload) -> tuple[Path, StoredObject]:
        """Writes and syncs a temporary file; a failed one is removed."""
        check_key(upload.key)
        folder = self.root / PARTIAL
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = folder / uuid.uuid4().hex
        hashed = Hashed(upload.open())
        try:
            with effect("fs.write", upload.key):
                handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb", buffering=0) as sink:
                    copy(hashed, sink)
                    os.fsync(sink.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return temporary, StoredObject(key=upload.key, size=hashed.size, sha256=hashed.sha256)

    def _publish(self, written: list[tuple[Path, StoredObject]]) -> None:
        folders: set[Path] = set()
        try:
            for temporary, stored in written:
                folders |= self._link(temporary, self.path(stored.key))
        finally:
            for temporary, _ in written:
                temporary.unlink(missing_ok=True)
        for folder in sorted(folders, key=lambda path: -len(path.parts)):
            sync_directory(folder)

    def _link(self, temporary: Path, final: Path) -> set[Path]:
        """Gives the file its name, never over another; returns directories to sync."""
        changed = {final.parent}
        if not final.parent.is_dir():
            changed |= {p for p in final.parent.parents if p.is_relative_to(self.root)}
            final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with effect("fs.link", str(final.relative_to(self.root))):
            try:
                os.link(temporary, final)
            except FileExistsError:
                raise AlreadyExists(f"{final} exists; stored objects are never rewritten") from None
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                self._rename(temporary, final)
        return changed

    def _rename(self, temporary: Path, final: Path) -> None:
        """For file systems without hard links; the run's lock keeps other writers away."""
        if final.exists():
            raise AlreadyExists(f"{final} exists; stored objects are never rewritten")
        temporary.rename(final)

    def open(self, key: str) -> ByteStream:
        path = self.path(key)
        with disk_errors(path):
            try:
                return FileSource(path)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise ObjectMissing(f"{path} is missing") from None

    def stat(self, key: str) -> ObjectInfo | None:
        path = self.path(key)
        with disk_errors(path):
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return _info(key, found) if path.is_file() else None

    def walk(self, prefix: str) -> Iterator[ObjectInfo]:
        start = self.root / prefix.rpartition("/")[0]
        if not self.root.is_dir() or not start.is_dir():
            return
        with disk_errors(start):
            for path, found in _walk(start):
                key = path[len(str(self.root)) + 1 :]
                if key.startswith(prefix) and not key.startswith(f"{PARTIAL}/"):
                    yield _info(key, found)

    def folders(self) -> list[str]:
        if not self.root.is_dir():
            return []
        with disk_errors(self.root), os.scandir(self.root) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            return sorted(
                name
                for name in names
                if name != PARTIAL and next(_walk(self.root / name), None) is not None
            )

    def delete(self, keys: Iterable[str]) -> int:
        count = 0
        for key in keys:
            path = self.path(key)
            with disk_errors(path), effect("fs.delete", key):
                path.unlink(missing_ok=True)
            self._remove_empty(path.parent)
            count += 1
        return count

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.root and folder.is_relative_to(self.root):
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return  # not empty: objects remain there
            folder = folder.parent

    def sweep_uploads(self) -> int:
        folder = self.root / PARTIAL
        if not self.root.is_dir():
            return 0
        with disk_errors(folder):
            self._remove_hollow()
            left = list(folder.iterdir()) if folder.is_dir() else []
            for path in left:
                with effect("fs.delete", f"{PARTIAL}/{path.name}"):
                    path.unlink(missing_ok=True)
        return len(left)

    def _remove_hollow(self) -> None:
        """Directories that a killed removal left without files."""
        for path, names, files in os.walk(self.root, topdown=False):
            if path != str(self.root) and not names and not files:
                self._remove_empty(Path(path))

    def extend_lock(self, key: str, until: datetime) -> None:
        """Directories have no object lock."""

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _walk(start: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Files below, sorted within a directory; links are not followed."""
    with os.scandir(start) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield entry.path, entry.stat(follow_symlinks=False)
