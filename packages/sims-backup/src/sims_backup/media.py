"""Media: scanning a directory, and the two lists that a set keeps of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sims_backup.errors import ObjectDamaged
from sims_backup.streams import BLOCK, FileSource, Hashed, Source, Unzstd, drain

RESTORE_FOLDER = ".sims-restore"
INDEX = "media/index.zst"
OBJECTS = "media/objects.zst"


@dataclass(frozen=True)
class MediaFile:
    """A file on disk: ``path`` relative with slashes, ``mtime`` in nanoseconds."""

    path: str
    size: int
    mtime: int


@dataclass(frozen=True)
class IndexEntry:
    path: str
    sha256: str
    size: int
    mtime: int


@dataclass(frozen=True)
class MediaObject:
    """Content as stored: ``sha256`` names it, ``stored_*`` are what lies in the store."""

    sha256: str
    stored_size: int
    stored_sha256: str
    locked_until: datetime | None = None

    def key(self, namespace: str) -> str:
        return object_key(namespace, self.sha256)


def object_key(namespace: str, sha256: str) -> str:
    return f"media/{namespace}/{sha256[:2]}/{sha256}"


def scan(root: Path) -> Iterator[MediaFile]:
    """Regular files below ``root``; links and other kinds of files are not media."""
    base = len(str(root)) + 1
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name != RESTORE_FOLDER)
        for name in sorted(files):
            path = Path(folder) / name
            found = path.lstat()
            if path.is_symlink() or not path.is_file():
                continue
            relative = str(path)[base:].replace(os.sep, "/")
            yield MediaFile(relative, found.st_size, found.st_mtime_ns)


def hash_file(path: Path) -> str:
    with FileSource(path) as file:
        hashed = Hashed(file)
        drain(hashed)
    return hashed.sha256


def index_lines(entries: Iterable[IndexEntry]) -> Source:
    return _lines([entry.path, entry.sha256, entry.size, entry.mtime] for entry in entries)


def object_lines(objects: Iterable[MediaObject]) -> Source:
    return _lines(
        [
            item.sha256,
            item.stored_size,
            item.stored_sha256,
            item.locked_until.isoformat() if item.locked_until else None,
        ]
        for item in objects
    )


def read_index(source: Source, name: str) -> Iterator[IndexEntry]:
    for row in _rows(source, name):
        path = str(row[0])
        if path.startswith("/") or ".." in path.split("/") or "\0" in path:
            raise ObjectDamaged(f"{name}: {path!r} points outside the media directory")
        yield IndexEntry(path, str(row[1]), int(str(row[2])), int(str(row[3])))


def read_objects(source: Source, name: str) -> Iterator[MediaObject]:
    for row in _rows(source, name):
        locked = datetime.fromisoformat(str(row[3])) if row[3] else None
        yield MediaObject(str(row[0]), int(str(row[1])), str(row[2]), locked)


class _Lines:
    """JSON lines as a source; memory stays flat for any number of files."""

    def __init__(self, rows: Iterable[list[object]]) -> None:
        self._rows = iter(rows)

    def read(self, size: int = BLOCK, /) -> bytes:
        made = bytearray()
        while len(made) < size:
            row = next(self._rows, None)
            if row is None:
                break
            made += json.dumps(row).encode() + b"\n"
        return bytes(made)


def _lines(rows: Iterable[list[object]]) -> Source:
    return _Lines(rows)


def _rows(source: Source, name: str) -> Iterator[list[object]]:
    reader = Unzstd(source, name)
    rest = b""
    while block := reader.read(BLOCK):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield json.loads(line)
    if rest:
        raise ObjectDamaged(f"{name}: ends within a line")
