"""Streams and age: round trips, wrong keys, every changed byte."""

from __future__ import annotations

import gzip
import io
import random

import pyrage  # type: ignore[import-untyped]  # no types shipped
import pytest

from sims_backup.encryption import Identities, Recipients
from sims_backup.engine.load import Gunzipped
from sims_backup.errors import ContentChanged, ObjectDamaged, Refused
from sims_backup.streams import Unzstd, ZstdCompressed, read_all


def pair() -> tuple[str, str]:
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 3_000_000])
def test_each_of_two_keys_opens(size: int) -> None:
    (first, one), (second, two) = pair(), pair()
    data = random.Random(size).randbytes(size)
    stored = read_all(Recipients([one, two]).encrypt(io.BytesIO(data)))
    assert data[:100] not in stored or size < 2
    for identity in (first, second):
        assert read_all(Identities(identity).decrypt(io.BytesIO(stored), "x")) == data


def test_a_wrong_key_is_refused_before_reading() -> None:
    (_, mine), (other, _) = pair(), pair()
    with pytest.raises(Refused, match="SIMS_BACKUP_IDENTITY_FILE"):
        Identities(other).require(Recipients([mine]).fingerprints, "set")
    with pytest.raises(Refused, match="none"):
        Identities("").require(Recipients([mine]).fingerprints, "set")


def test_changed_ciphertext_is_never_plaintext() -> None:
    secret, public = pair()
    data = b"mark 93.5 " * 20_000
    stored = read_all(Recipients([public]).encrypt(io.BytesIO(data)))
    source = random.Random(4)
    for _ in range(150):
        at = source.randrange(len(stored))
        changed = bytearray(stored)
        changed[at] ^= 1 << source.randrange(8)
        cut = bytes(changed) if source.random() < 0.7 else stored[:at]
        with pytest.raises(ObjectDamaged):
            read_all(Identities(secret).decrypt(io.BytesIO(cut), "x"))


class _Fails:
    def read(self, size: int = 1, /) -> bytes:
        raise ContentChanged("the file changed")


def test_the_error_of_a_source_comes_through_unchanged() -> None:
    _, public = pair()
    with pytest.raises(ContentChanged, match="the file changed"):
        read_all(Recipients([public]).encrypt(_Fails()))


@pytest.mark.parametrize("text", ["age1nonsense", "ssh-ed25519 AAAA"])
def test_nonsense_keys_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        Recipients([text])
    with pytest.raises(Refused) as caught:
        Identities(f"AGE-SECRET-KEY-{text}")
    assert text not in str(caught.value)


def test_cut_zstd_is_no_end() -> None:
    packed = read_all(ZstdCompressed(io.BytesIO(b"row\n" * 100_000), 1))
    assert read_all(Unzstd(io.BytesIO(packed), "x")) == b"row\n" * 100_000
    for size in (0, 1, 10, len(packed) - 1):
        with pytest.raises(ObjectDamaged):
            read_all(Unzstd(io.BytesIO(packed[:size]), "x"))


def test_cut_gzip_is_no_end() -> None:
    data = random.Random(1).randbytes(300_000) + b"a" * 5_000_000
    packed = gzip.compress(data[:1000]) + gzip.compress(data[1000:])
    assert read_all(Gunzipped(io.BytesIO(packed), "x")) == data
    for size in (5, 500, len(packed) // 2, len(packed) - 1):
        with pytest.raises(ObjectDamaged):
            read_all(Gunzipped(io.BytesIO(packed[:size]), "x"))
