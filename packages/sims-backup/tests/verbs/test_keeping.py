"""``prune``, ``pin``, ``unpin``, ``sync``, ``drill``."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sims_backup.contract.exits import Exit


def made(cli: Any, count: int) -> list[str]:
    return [cli("backup", "--output", "json").json["id"] for _ in range(count)]


def test_prune_keeps_pins_and_the_floor(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = made(cli, 4)
    for name, value in (("DAYS", "0"), ("DAILY", "1"), ("MIN_VERIFIED", "1")):
        monkeypatch.setenv(f"SIMS_RETENTION_{name}", value)
    assert cli("pin", ids[0], "--reason", "end of term").code == Exit.OK
    dry = cli("prune", "--dry-run", "--output", "json").json
    assert dry["deleted"] == ids[1:3]
    assert len(cli("list", "--output", "json").json["sets"]) == 4
    done = cli("prune", "--output", "json").json
    assert done["deleted"] == ids[1:3]
    assert [s["id"] for s in cli("list", "--output", "json").json["sets"]] == [ids[0], ids[3]]
    assert cli("verify", ids[0]).code == cli("verify", ids[3]).code == Exit.OK
    assert cli("unpin", ids[0]).code == Exit.OK
    assert cli("prune", "--output", "json").json["deleted"] == [ids[0]]
    assert cli("unpin", ids[0]).code == Exit.NOT_FOUND


def test_prune_sweeps_leftovers_and_unneeded_media(
    cli: Any, school: Any, values: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = made(cli, 1)[0], (school.media / "photos" / "ü 0.jpg").unlink()
    second = made(cli, 1)[0]
    store = Path(values["backup_targets"])
    shutil.copytree(store / second / "db", store / "fmu_platform_20260101_000000" / "db")
    (store / ".partial" / "left").write_bytes(b"x")
    for name, value in (("DAYS", "0"), ("DAILY", "1"), ("MIN_VERIFIED", "1")):
        monkeypatch.setenv(f"SIMS_RETENTION_{name}", value)
    done = cli("prune", "--output", "json").json
    assert done["deleted"] == [first]
    assert done["swept_sets"] == ["fmu_platform_20260101_000000"]
    assert (done["swept_uploads"], done["media_deleted"]) == (1, 1)
    assert cli("verify", second).code == Exit.OK
    assert sorted(p.name for p in store.iterdir()) == sorted(
        [".partial", second, "marks", "media", "store.json", "tombstones"]
    )


def test_an_empty_policy_is_refused(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made(cli, 1)
    monkeypatch.setenv("SIMS_RETENTION_DAYS", "0")
    ran = cli("prune")
    assert ran.code == Exit.REFUSED
    assert "would delete everything" in ran.err


def test_a_store_without_its_identity_is_an_alarm(cli: Any, values: Any) -> None:
    made(cli, 1)
    (Path(values["backup_targets"]) / "store.json").unlink()
    for verb in ("backup", "prune"):
        ran = cli(verb)
        assert ran.code == Exit.REFUSED
        assert "lifecycle rule" in ran.err


def test_sync_copies_and_deletes_only_what_retention_removed(
    cli: Any, values: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = made(cli, 3)
    there = str(tmp_path / "mirror")
    assert cli("sync", "--to", there, "--dry-run", "--output", "json").json["copied"] == ids
    assert not Path(there).exists()
    assert cli("sync", "--to", there, "--output", "json").json["copied"] == ids
    assert cli("sync", "--to", there, "--output", "json").json["copied"] == []
    for name, value in (("DAYS", "0"), ("DAILY", "1"), ("MIN_VERIFIED", "1")):
        monkeypatch.setenv(f"SIMS_RETENTION_{name}", value)
    cli("pin", ids[1], "--reason", "kept there", "--target", there)
    cli("prune")
    ran = cli("sync", "--to", there, "--delete", "--output", "json").json
    assert ran["deleted"] == [ids[0]]
    assert ran["kept"] == {ids[1]: "pinned in the target"}
    shutil.rmtree(values["backup_targets"])
    ran = cli("sync", "--to", there, "--delete", "--output", "json").json
    assert ran["deleted"] == []
    assert cli("drill", "--target", there).code == Exit.OK


def test_drill_measures_and_proves(
    cli: Any, school: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = tmp_path / "checks.toml"
    checks.write_text(
        '[[invariant]]\nname = "sum of marks"\n'
        'sql = \'SELECT sum(mark) FROM "Exam Cell"."Results ""2026"" ü"\'\n'
    )
    monkeypatch.setenv("SIMS_BACKUP_CHECKS", str(checks))
    made(cli, 1)
    school.server.run(school.name, "DELETE FROM attendance")
    ran = cli("drill", "--output", "json")
    assert ran.code == Exit.OK, ran.err
    assert ran.json["recovery_time"] > 0
    assert timedelta(seconds=ran.json["recovery_time"]) < timedelta(minutes=5)
    assert school.extra_databases() == [school.name]
    listed = cli("list", "--output", "json").json["sets"][0]
    assert listed["recovery_time"] == ran.json["recovery_time"]


def test_a_drill_that_fails_takes_the_proof_away(
    cli: Any, school: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(cli, 1)
    checks = tmp_path / "checks.toml"
    checks.write_text('[[invariant]]\nname = "impossible"\nsql = "SELECT 1"\nexpect = 2\n')
    monkeypatch.setenv("SIMS_BACKUP_CHECKS", str(checks))
    ran = cli("drill")
    assert ran.code == Exit.NOT_PROVEN
    assert "impossible: expected 2, found 1" in ran.out
    assert cli("list", "--output", "json").json["sets"][0]["state"] == "failed"
    assert school.extra_databases() == [school.name]


def test_a_damaged_set_in_the_target_stops_no_other(cli: Any, values: Any, tmp_path: Path) -> None:
    first = made(cli, 1)[0]
    there = str(tmp_path / "mirror")
    cli("sync", "--to", there)
    (Path(there) / first / "manifest.json").write_bytes(b"{}")
    second = made(cli, 1)[0]
    ran = cli("sync", "--to", there, "--output", "json")
    assert ran.code == Exit.NOT_PROVEN
    assert ran.json["copied"] == [second]
    assert list(ran.json["damaged"]) == [first]
    assert cli("verify", second, "--target", there).code == Exit.OK
    assert cli("delete", first, "--confirm", first, "--target", there).code == Exit.OK
    assert cli("sync", "--to", there, "--output", "json").json["copied"] == [first]
    assert cli("verify", first, "--target", there).code == Exit.OK
