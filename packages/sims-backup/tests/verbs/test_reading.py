"""``list``, ``show``, ``verify``, ``doctor``: they tell the truth and change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sims_backup.contract.exits import Exit


def test_list_shows_only_whole_sets(cli: Any, values: Any) -> None:
    assert "no backups" in cli("list").out
    made = cli("backup", "--output", "json").json["id"]
    store = Path(values["backup_targets"])
    (store / "fmu_platform_20260101_000000" / "db").mkdir(parents=True)
    (store / "fmu_platform_20260101_000000" / "db" / "toc.dat").write_bytes(b"x")
    (store / "lost+found").mkdir()
    (store / "lost+found" / "x").write_bytes(b"x")
    listed = cli("list", "--output", "json").json
    assert [item["id"] for item in listed["sets"]] == [made]
    assert listed["problems"] == [
        "fmu_platform_20260101_000000: unfinished, no backup; prune sweeps it"
    ]
    assert "newest verified" in cli("list").out


def test_show_explains_a_set(cli: Any) -> None:
    made = cli("backup", "--output", "json").json["id"]
    text = cli("show", "latest").out
    for expected in (made, "directory", "verified", "0007", "not encrypted", "PostgreSQL 17"):
        assert expected in text
    assert cli("show", "fmu_platform_20200101_000000").code == Exit.NOT_FOUND
    assert cli("show", "../../etc").code == Exit.NOT_FOUND


def test_verify_marks_a_good_and_a_damaged_set(cli: Any, values: Any) -> None:
    made = cli("backup", "--output", "json").json["id"]
    assert cli("verify", made).code == Exit.OK
    victim = next((Path(values["backup_targets"]) / made / "tables").iterdir())
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    ran = cli("verify", made, "--output", "json")
    assert ran.code == Exit.NOT_PROVEN
    assert ran.json["problems"] == [f"{victim}: the SHA-256 differs, its content was changed"]
    assert cli("list", "--output", "json").json["sets"][0]["state"] == "failed"
    assert cli("restore", "latest", "--into", "never").code == Exit.NOT_FOUND


def test_oldest_verified_goes_round(cli: Any) -> None:
    first, second = (cli("backup", "--output", "json").json["id"] for _ in range(2))
    checked = [cli("verify", "oldest-verified", "--output", "json").json["id"] for _ in range(3)]
    assert checked == [first, second, first]


def test_doctor_sees_what_is_wrong(
    cli: Any, school: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = cli("doctor", "--output", "json")
    assert ran.code == Exit.OK, ran.out
    found = {item["detail"] for item in ran.json["findings"]}
    assert "no verified backup" in found
    monkeypatch.setenv("SIMS_BACKUP_MEDIA_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("SIMS_RETENTION_DAYS", "0")
    ran = cli("doctor", "--output", "json")
    assert ran.code == Exit.FAILED
    failed = [item for item in ran.json["findings"] if item["status"] == "fail"]
    assert any("retention policy is empty" in item["remedy"] for item in failed)


def test_help_of_every_verb(cli: Any) -> None:
    for verb in ("backup", "list", "show", "verify", "restore", "undo", "drill", "prune"):
        ran = cli(verb, "--help")
        assert ran.code == Exit.OK
        assert "Usage: sims-backup" in ran.out
