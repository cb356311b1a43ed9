"""What every store promises (sims_backup.storage), for a directory and a real S3 server."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from sims_backup.errors import AlreadyExists, ContentChanged, ObjectMissing, Refused
from sims_backup.settings import S3Settings
from sims_backup.storage import Storage, Upload
from sims_backup.storage.local import LocalStorage
from sims_backup.storage.s3 import S3Storage
from sims_backup.storage.s3_multipart import part_size
from sims_backup.streams import read_all
from sims_backup.testing.s3 import S3Server

MIB = 1024**2
PART = 5 * MIB


@pytest.fixture(params=["local", "s3", "s3-when-required"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "local":
        yield LocalStorage(tmp_path / "a store")
        return
    server: S3Server = request.getfixturevalue("s3_server")
    sums = "when_required" if request.param.endswith("required") else "when_supported"
    settings = S3Settings(**server.settings(s3_checksums=sums))
    with S3Storage(server.bucket(), "school/backups", settings) as storage:
        yield storage


class _Breaks:
    """A source that fails after some bytes."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = MIB, /) -> bytes:
        if self._left <= 0:
            raise ContentChanged("the source broke")
        block = b"x" * min(size, self._left)
        self._left -= len(block)
        return block


class _Drips:
    """Returns short blocks, as pipes do."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def read(self, size: int = MIB, /) -> bytes:
        return self._inner.read(min(size, 1000_003))


def content(storage: Storage, key: str) -> bytes:
    with storage.open(key) as body:
        return read_all(body)


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART + 77])
def test_returns_what_was_stored(store: Storage, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    stored = store.put("set/a b/ü.zst", _Drips(data))
    assert (stored.size, stored.sha256) == (size, sha256(data).hexdigest())
    assert content(store, "set/a b/ü.zst") == data
    info = store.stat("set/a b/ü.zst")
    assert info is not None
    assert info.size == size


def test_a_key_is_written_once(store: Storage) -> None:
    store.put("k/one", io.BytesIO(b"first"))
    with pytest.raises(AlreadyExists):
        store.put("k/one", io.BytesIO(b"second"))
    with pytest.raises(AlreadyExists):
        store.put("k/one", io.BytesIO(b"z" * (PART + 5)))
    assert content(store, "k/one") == b"first"
    assert store.sweep_uploads() == 0


def test_one_of_many_writers_wins(store: Storage) -> None:
    outcomes: list[str] = []

    def write(number: int) -> None:
        try:
            store.put("race", io.BytesIO(f"{number}".encode() * 100))
            outcomes.append(str(number))
        except AlreadyExists:
            outcomes.append("taken")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [item for item in outcomes if item != "taken"]
    assert len(winners) == 1
    assert len(outcomes) == 8
    assert content(store, "race") == winners[0].encode() * 100


@pytest.mark.parametrize("size", [10, PART + 10, 4 * PART])
def test_a_broken_source_leaves_nothing(store: Storage, size: int) -> None:
    with pytest.raises(ContentChanged):
        store.put("broken", _Breaks(size))
    assert store.stat("broken") is None
    assert list(store.walk("")) == []
    assert store.sweep_uploads() == 0


def test_many_at_once(store: Storage) -> None:
    uploads = [
        Upload(f"media/{n % 3}/{n}", lambda n=n: io.BytesIO(b"%d" % n))  # type: ignore[misc]  # mypy can't infer a lambda with a default
        for n in range(300)
    ]
    uploads.insert(40, Upload("media/changing", lambda: _Breaks(10)))
    stored = {item.key: item for item in store.put_many(iter(uploads))}
    assert len(stored) == 300
    assert "media/changing" not in stored
    listed = {info.key: info.size for info in store.walk("media/")}
    assert listed == {key: item.size for key, item in stored.items()}
    assert content(store, "media/0/297") == b"297"


def test_listing_takes_prefixes_literally(store: Storage) -> None:
    for key in ("school/x", "school_test/y", "school/z/w", "top"):
        store.put(key, io.BytesIO(b"1"))
    assert sorted(i.key for i in store.walk("school/")) == ["school/x", "school/z/w"]
    assert len(list(store.walk("school"))) == 3
    assert len(list(store.walk(""))) == 4
    assert store.folders() == ["school", "school_test"]
    assert list(store.walk("none/")) == []


def test_more_keys_than_a_page(store: Storage) -> None:
    uploads = (Upload(f"p/{n:05}", lambda: io.BytesIO(b"")) for n in range(1100))
    assert sum(1 for _ in store.put_many(uploads)) == 1100
    assert len(list(store.walk("p/"))) == 1100
    assert store.delete(info.key for info in store.walk("p/")) == 1100
    assert list(store.walk("")) == []


def test_deleting_is_repeatable(store: Storage) -> None:
    store.put("a/b/c", io.BytesIO(b"1"))
    store.delete(["a/b/c", "a/b/never"])
    store.delete(["a/b/c"])
    assert store.folders() == []
    assert store.stat("a/b/c") is None


def test_missing_is_told(store: Storage) -> None:
    with pytest.raises(ObjectMissing, match="no/such"):
        store.open("no/such")
    assert store.stat("no/such") is None


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a/../../b", "a//b", "..", "a/./b", "a\\b"])
def test_keys_stay_inside(store: Storage, key: str) -> None:
    with pytest.raises(Refused):
        store.put(key, io.BytesIO(b"x"))
    with pytest.raises(Refused):
        store.open(key)


@pytest.mark.parametrize(("parts", "limit"), [(10_000, 5 * 1024**4), (1000, 400 * 1024**3)])
def test_parts_grow_enough_for_large_objects(parts: int, limit: int) -> None:
    settings = S3Settings(s3_max_parts=parts)
    total = sum(part_size(number, settings) for number in range(1, parts + 1))
    assert total >= limit
    assert part_size(1, settings) == 8 * MIB
    assert part_size(parts, settings) <= 5 * 1024**3
