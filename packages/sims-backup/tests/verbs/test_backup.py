"""``backup``: what is published, and what a person is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sims_backup.contract.exits import Exit


@pytest.mark.parametrize("format_", ["directory", "custom", "plain"])
def test_publishes_a_whole_set(cli: Any, school: Any, values: Any, format_: str) -> None:
    ran = cli("backup", "--format", format_, "--output", "json")
    assert ran.code == Exit.OK, ran.err
    result = ran.json
    assert (result["format"], result["media_files"], result["verified"]) == (format_, 5, True)
    manifest = cli("show", result["id"], "--output", "json").json["manifest"]
    rows = {f"{t['schema_name']}.{t['name']}": t["rows"] for t in manifest["tables"]}
    assert rows['Exam Cell.Results "2026" ü'] == rows["public.student"] == 300
    assert manifest["schema_revision"] == "0007"
    assert manifest["catalog"]["large_objects"] == 2
    folder = Path(values["backup_targets"]) / result["id"]
    names = {"custom": f"{result['id']}.dump", "plain": f"{result['id']}.sql.gz"}
    assert (folder / names.get(format_, "db/toc.dat")).is_file()
    assert list(Path(values["backup_staging_dir"]).iterdir()) == []


def test_large_tables_are_split_and_add_up(cli: Any, values: Any) -> None:
    result = cli("backup", "--output", "json").json
    chunks = cli("show", result["id"], "--output", "json").json["manifest"]["chunks"]
    tables = {chunk["table"] for chunk in chunks}
    assert '"public"."student"' in tables
    assert '"Exam Cell"."Results ""2026"" ü"' in tables
    student = [chunk for chunk in chunks if chunk["table"] == '"public"."student"']
    assert sum(chunk["rows"] for chunk in student) == 300
    assert "upper_name" not in student[0]["columns"]  # generated: computed again


def test_media_is_sent_once(cli: Any, school: Any) -> None:
    assert cli("backup", "--output", "json").json["media_uploaded"] == 5
    assert cli("backup", "--output", "json").json["media_uploaded"] == 0
    (school.media / "photos" / "copy.jpg").write_bytes(
        (school.media / "photos" / "ü 0.jpg").read_bytes()
    )
    (school.media / "photos" / "new.jpg").write_bytes(b"new")
    result = cli("backup", "--output", "json").json
    assert (result["media_files"], result["media_uploaded"]) == (7, 1)


def test_missing_and_changed_media_is_named(
    cli: Any, school: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = tmp_path / "checks.toml"
    checks.write_text(
        '[media]\nsql = "SELECT photo, photo_sha256 FROM student WHERE photo IS NOT NULL"\n'
    )
    monkeypatch.setenv("SIMS_BACKUP_CHECKS", str(checks))
    school.server.run(
        school.name,
        "UPDATE student SET photo = 'photos/gone.jpg' WHERE id = 1",
        "UPDATE student SET photo = 'photos/ü 1.jpg', photo_sha256 = repeat('0', 64) WHERE id = 2",
        "UPDATE student SET photo = 'photos/ü 2.jpg' WHERE id = 3",
    )
    ran = cli("backup")
    assert ran.code == Exit.MEDIA_PROBLEMS
    assert "media file missing: photos/gone.jpg" in ran.err
    assert "media file changed: photos/ü 1.jpg" in ran.err
    assert cli("list", "--output", "json").json["sets"][0]["state"] == "verified"


def test_several_targets_and_one_that_fails(
    cli: Any, values: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no directory")
    second, third = tmp_path / "second", tmp_path / "file" / "third"
    targets = f"{values['backup_targets']}, {third}, {second}"
    monkeypatch.setenv("SIMS_BACKUP_TARGETS", targets)
    ran = cli("backup", "--output", "json")
    assert ran.code == Exit.INCOMPLETE_TARGETS
    assert ran.json["copies"][str(second)] == "ok"
    assert "file" in ran.json["copies"][str(third)]
    for target in (values["backup_targets"], str(second)):
        assert cli("verify", "--target", target).code == Exit.OK


def test_a_second_run_waits_and_then_says_who_works(
    cli: Any, open_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMS_BACKUP_LOCK_TIMEOUT", "0.1")
    with open_context().lock():
        ran = cli("backup")
    assert ran.code == Exit.BUSY
    assert "another run works on" in ran.err


def test_a_table_locked_by_a_migration_is_told(
    cli: Any, school: Any, values: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMS_BACKUP_LOCK_TIMEOUT", "0.3")
    with school.server.connect(school.name) as migration, migration.transaction():
        migration.execute("LOCK TABLE student IN ACCESS EXCLUSIVE MODE")
        ran = cli("backup")
    assert ran.code == Exit.BUSY
    assert "migration" in ran.err
    assert cli("list", "--output", "json").json["sets"] == []


def test_an_unreachable_database_is_told_without_a_trace(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMS_DATABASE_URL", "postgresql://u:topsecret@127.0.0.1:1/x")
    ran = cli("backup")
    assert ran.code == Exit.UNAVAILABLE
    assert "topsecret" not in ran.err + ran.out
    assert "Traceback" not in ran.err


def test_a_wrong_setting_ends_with_78(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMS_BACKUP_PREFIX", "../evil")
    ran = cli("backup")
    assert ran.code == Exit.CONFIG
    assert "SIMS_BACKUP_PREFIX" in ran.err


def test_a_store_of_another_installation_is_refused(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("backup").code == Exit.OK
    monkeypatch.setenv("SIMS_INSTALLATION_ID", "another")
    ran = cli("backup")
    assert ran.code == Exit.REFUSED
    assert "belongs to installation pg-" in ran.err
