"""A sealed file: any changed, cut or added byte is noticed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sims_backup.contract.results import Mark, Pin
from sims_backup.errors import ObjectDamaged
from sims_backup.seal import seal, unseal

PIN = Pin(set_id="fmu_platform_20261124_020000", at=datetime(2026, 11, 24, tzinfo=UTC), reason="ü")


def test_round_trip() -> None:
    assert unseal(Pin, seal(PIN), name="pin") == PIN


def test_every_single_byte_counts() -> None:
    data = seal(PIN)
    for at in range(len(data)):
        for flip in (0x01, 0x20, 0x80):
            changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            with pytest.raises(ObjectDamaged):
                unseal(Pin, changed, name="pin")


def test_every_cut_and_addition_counts() -> None:
    data = seal(PIN)
    for changed in [*(data[:n] for n in range(len(data))), data + b"\n", data + data]:
        with pytest.raises(ObjectDamaged):
            unseal(Pin, changed, name="pin")


def test_another_kind_of_record_is_told() -> None:
    with pytest.raises(ObjectDamaged, match="another version"):
        unseal(Mark, seal(PIN), name="pin")
