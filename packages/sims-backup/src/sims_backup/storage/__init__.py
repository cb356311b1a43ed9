"""A store: write-once objects under slash-separated keys.

Implementations: ``local`` and ``s3``. All pass tests/test_storage_conformance.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from sims_backup.contract.manifest import StoredObject
from sims_backup.errors import Refused
from sims_backup.streams import ByteStream, Source


@dataclass(frozen=True)
class ObjectInfo:
    """``size`` in bytes, ``modified`` by the store's clock."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Upload:
    """An object to be stored; ``open`` is called once, in any thread."""

    key: str
    open: Callable[[], Source]


class Storage(Protocol):
    """Every method raises ``StoreUnavailable`` or ``NoSpace`` when the store fails."""

    @property
    def name(self) -> str:
        """For people: a path or ``s3://bucket/prefix``; never holds a secret."""

    def put(self, key: str, source: Source, *, lock_until: datetime | None = None) -> StoredObject:
        """Stores whole or not at all, durably. ``AlreadyExists`` when the key is taken.

        An error raised by ``source`` leaves nothing behind.
        """

    def put_many(
        self, uploads: Iterable[Upload], *, lock_until: datetime | None = None
    ) -> Iterator[StoredObject]:
        """As ``put`` for many small objects; results come in any order.

        An upload whose source raises ``ContentChanged`` is left out of the results.
        """

    def open(self, key: str) -> ByteStream:
        """Reads an object. ``ObjectMissing`` when there is none."""

    def stat(self, key: str) -> ObjectInfo | None: ...

    def walk(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose key starts with ``prefix``; a failure raises, never ends early."""

    def folders(self) -> list[str]:
        """Names of the first key part that have something below them, sorted."""

    def delete(self, keys: Iterable[str]) -> int:
        """Removes; absent keys are fine. Returns how many were asked for."""

    def sweep_uploads(self) -> int:
        """Removes uploads that were never completed. Only when no writer lives."""

    def extend_lock(self, key: str, until: datetime) -> None:
        """Keeps an existing object locked at least until then; nothing without object lock."""

    @property
    def locks(self) -> bool:
        """Whether ``lock_until`` has an effect."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


def check_key(key: str) -> str:
    """Keys come from manifests too, so they are never trusted to stay inside the store."""
    parts = key.split("/")
    if not key or any(part in {"", ".", ".."} for part in parts) or "\0" in key or "\\" in key:
        raise Refused(f"{key!r} is not a valid object key; the manifest was not made by us")
    return key
