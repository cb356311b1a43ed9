"""Byte sources that are read once, and what is wrapped around them.

A source has ``read(size)`` that returns at most ``size`` bytes and ``b""`` at the end.
It raises at the end when the content turns out wrong, so a store never commits it.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import IO, Protocol

import zstandard
from typing_extensions import override

from sims_backup.errors import ObjectDamaged

BLOCK = 1024 * 1024


class Source(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class ByteStream(Source, Protocol):
    """An open object of a store."""

    def close(self) -> None: ...

    def __enter__(self) -> Source: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


class Hashed:
    """Counts and hashes what passes; ``watch`` is called with each block's size."""

    def __init__(self, source: Source, watch: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self._watch = watch
        self.size = 0

    def read(self, size: int = BLOCK, /) -> bytes:
        block = self._source.read(size)
        self._digest.update(block)
        self.size += len(block)
        if self._watch is not None:
            self._watch(len(block))
        return block

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Watched:
    """Calls ``watch`` with the size of each block that passes."""

    def __init__(self, source: Source, watch: Callable[[int], None]) -> None:
        self._source, self._watch = source, watch

    def read(self, size: int = BLOCK, /) -> bytes:
        block = self._source.read(size)
        self._watch(len(block))
        return block


class Checked:
    """Raises ``ObjectDamaged`` at the end unless size and hash are the expected ones."""

    def __init__(self, source: Source, *, sha256: str, size: int | None, name: str) -> None:
        self._hashed = Hashed(source)
        self._sha256, self._size, self._name = sha256, size, name

    def read(self, size: int = BLOCK, /) -> bytes:
        block = self._hashed.read(size)
        if not block and size != 0:
            self._compare()
        return block

    def _compare(self) -> None:
        if self._size is not None and self._hashed.size != self._size:
            raise ObjectDamaged(
                f"{self._name}: {self._hashed.size} bytes, expected {self._size}; "
                "it was cut or replaced"
            )
        if self._hashed.sha256 != self._sha256:
            raise ObjectDamaged(f"{self._name}: the SHA-256 differs, its content was changed")


class Filled:
    """Reads exactly ``size`` bytes where the inner source returns short blocks."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, size: int = BLOCK, /) -> bytes:
        first = self._source.read(size)
        if len(first) == size or not first:
            return first
        parts, have = [first], len(first)
        while have < size and (block := self._source.read(size - have)):
            parts.append(block)
            have += len(block)
        return b"".join(parts)


class ZstdCompressed:
    """Compresses another source; one frame with a content checksum."""

    def __init__(self, source: Source, level: int) -> None:
        self._source = source
        params = zstandard.ZstdCompressionParameters.from_level(level, write_checksum=True)
        self._compressor = zstandard.ZstdCompressor(compression_params=params).compressobj()
        self._pending = io.BytesIO()
        self._ended = False

    def read(self, size: int = BLOCK, /) -> bytes:
        while not (block := self._pending.read(size)) and not self._ended:
            raw = self._source.read(BLOCK)
            self._ended = not raw
            made = self._compressor.compress(raw) if raw else self._compressor.flush()
            self._pending = io.BytesIO(made)
        return block


class Piped:
    """Turns a function that copies into a writer to a source, by a thread and a pipe."""

    def __init__(self, copy: Callable[[IO[bytes]], None], name: str) -> None:
        reader, writer = os.pipe()
        self._reader = os.fdopen(reader, "rb", buffering=0)
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(copy, os.fdopen(writer, "wb", buffering=BLOCK)), name=name
        )
        self._thread.daemon = True
        self._thread.start()

    def _run(self, copy: Callable[[IO[bytes]], None], writer: IO[bytes]) -> None:
        try:
            with writer:
                copy(writer)
        except BrokenPipeError:
            return  # the reading side gave up and reports why
        except BaseException as error:  # noqa: BLE001  raised again by read()
            self._error = error

    def read(self, size: int = BLOCK, /) -> bytes:
        if self._reader.closed:
            return b""
        block = self._reader.read(size)
        if not block and size != 0:
            self.close()
            if self._error is not None:
                raise self._error
        return block or b""

    def close(self) -> None:
        self._reader.close()
        self._thread.join(timeout=60)


class Unzstd:
    """Decompresses; a cut frame is an error, not an early end."""

    def __init__(self, source: Source, name: str) -> None:
        self._source, self._name = source, name
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._pending = io.BytesIO()

    def read(self, size: int = BLOCK, /) -> bytes:
        while not (block := self._pending.read(size)):
            raw = self._source.read(BLOCK)
            if not raw:
                if not self._frame.eof:
                    raise ObjectDamaged(f"{self._name}: ends within compressed data")
                return b""
            try:
                self._pending = io.BytesIO(self._frame.decompress(raw))
            except zstandard.ZstdError as error:
                raise ObjectDamaged(f"{self._name}: not valid zstd data ({error})") from error
        return block


class FileSource(io.FileIO):
    """A file read once; a context manager like any file."""

    @override
    def read(self, size: int | None = BLOCK, /) -> bytes:
        return super().read(BLOCK if size is None else size) or b""


def copy(source: Source, sink: IO[bytes]) -> int:
    """Copies everything; returns bytes."""
    total = 0
    while block := source.read(BLOCK):
        sink.write(block)
        total += len(block)
    return total


def drain(source: Source) -> int:
    total = 0
    while block := source.read(BLOCK):
        total += len(block)
    return total


def read_all(source: Source) -> bytes:
    sink = io.BytesIO()
    copy(source, sink)
    return sink.getvalue()
