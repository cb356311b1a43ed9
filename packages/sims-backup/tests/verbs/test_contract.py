"""What a program that runs the engine relies on: events, outcome, repeatable requests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sims_backup.contract.events import OUTCOME_BYTES, Outcome, Progress, outcome_of, parse
from sims_backup.contract.exits import Exit
from sims_backup.contract.results import BackupResult, ListResult, RestoreResult

ID = "fmu_platform_20261124_020000"


@pytest.fixture
def told(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Files of events and outcome; ``cli`` comes first, it sets the environment."""
    events, outcome = tmp_path / "events", tmp_path / "outcome"
    monkeypatch.setenv("SIMS_BACKUP_EVENTS", str(events))
    monkeypatch.setenv("SIMS_BACKUP_OUTCOME", str(outcome))
    return events, outcome


def test_progress_and_outcome_are_lines_of_json(cli: Any, told: tuple[Path, Path]) -> None:
    assert cli("backup", "--id", ID, "--parent", "Backup/nightly").code == Exit.OK
    lines = told[0].read_text().splitlines()
    events = [parse(line) for line in lines]
    assert None not in events
    upload = [e for e in events if isinstance(e, Progress) and e.stage == "upload"]
    assert [upload[0].state, upload[-1].state] == ["began", "ended"]
    assert upload[-1].bytes > 0
    assert upload[-1].expected_bytes
    last = events[-1]
    assert isinstance(last, Outcome)
    assert (last.verb, last.exit_code, last.code) == ("backup", Exit.OK, "OK")
    result = BackupResult.model_validate(last.result)
    assert (result.id, result.verified, result.adopted) == (ID, True, False)
    assert outcome_of(told[1].read_bytes()) == last


def test_events_on_stdout_are_found_among_other_lines(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMS_BACKUP_EVENTS", "-")
    ran = cli("backup")
    found = outcome_of("a line of a log\n" + ran.err + ran.out + '{"event": "a log line"}\n')
    assert found is not None
    assert found.result is not None
    assert parse('{"event": "a log line"}') is None


@pytest.mark.parametrize(
    ("arguments", "environment", "exit_code", "code"),
    [
        (("show", ID), {}, Exit.NOT_FOUND, "SET_NOT_FOUND"),
        (("restore", "latest", "--no-such-option"), {}, Exit.USAGE, "USAGE"),
        (("backup",), {"SIMS_BACKUP_JOBS": "none"}, Exit.CONFIG, "CONFIG"),
        (("backup",), {"SIMS_DATABASE_URL": "postgresql://u:canary@127.0.0.1:1/x"}, 7, None),
        (("backup",), {"SIMS_S3_ACCESS_KEY_ID_FILE": "/nowhere"}, Exit.FAILED, "FAILED"),
    ],
)
def test_every_end_is_an_outcome(
    cli: Any,
    told: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    exit_code: int,
    code: str | None,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cli(*arguments).code == exit_code
    outcome = outcome_of(told[1].read_text())
    assert outcome is not None
    assert outcome.exit_code == exit_code
    assert outcome.code == (code or "DATABASE_UNAVAILABLE")
    assert outcome.message
    assert "canary" not in outcome.message


def test_a_long_outcome_fits_into_a_termination_message(
    cli: Any, school: Any, told: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = tmp_path / "checks.toml"
    checks.write_text('[media]\nsql = "SELECT photo, NULL FROM student WHERE photo IS NOT NULL"\n')
    monkeypatch.setenv("SIMS_BACKUP_CHECKS", str(checks))
    school.server.run(school.name, "UPDATE student SET photo = repeat('ü', 40) || id")
    assert cli("backup").code == Exit.MEDIA_PROBLEMS
    text = told[1].read_bytes()
    assert len(text) <= OUTCOME_BYTES
    outcome = outcome_of(text)
    assert outcome is not None
    assert outcome.cut
    assert outcome.result is not None
    assert len(BackupResult.model_validate(outcome.result).missing_media) == 5
    whole = outcome_of(told[0].read_bytes())
    assert whole is not None
    assert len(BackupResult.model_validate(whole.result).missing_media) == 300


def test_a_place_for_events_that_fails_costs_no_backup(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMS_BACKUP_EVENTS", "/proc/nowhere")
    monkeypatch.setenv("SIMS_BACKUP_OUTCOME", "/proc/nowhere")
    ran = cli("backup")
    assert ran.code == Exit.OK
    assert ran.err.count("events not written") == 1
    assert ran.err.count("outcome not written") == 1


def test_a_repeated_backup_is_adopted(
    cli: Any, school: Any, tmp_path: Path, values: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = ("backup", "--id", ID, "--parent", "Backup/nightly", "--output", "json")
    assert cli(*again).json["adopted"] is False
    school.add_student()
    second = tmp_path / "second"
    monkeypatch.setenv("SIMS_BACKUP_TARGETS", f"{values['backup_targets']},{second}")
    for _ in range(2):
        ran = cli(*again)
        assert ran.code == Exit.OK, ran.err
        assert (ran.json["adopted"], ran.json["copies"]) == (True, {str(second): "ok"})
        assert cli("verify", ID, "--target", str(second)).code == Exit.OK
    listed = ListResult.model_validate(cli("list", "--output", "json").json)
    assert [(s.id, s.parent, s.rows) for s in listed.sets] == [
        (ID, "Backup/nightly", listed.sets[0].rows)
    ]
    ran = cli("backup", "--id", ID, "--parent", "Backup/other")
    assert ran.code == Exit.REFUSED
    assert "was taken for Backup/nightly" in ran.err
    assert cli("backup", "--id", "../etc").code == Exit.REFUSED


def test_the_rest_of_a_dead_run_is_swept_and_taken_anew(
    cli: Any, values: Any, open_context: Any
) -> None:
    repository = open_context().repository
    assert cli("backup", "--id", ID).code == Exit.OK
    folder = Path(values["backup_targets"]) / ID
    (folder / "manifest.json").unlink()
    (folder / "db" / "half.dat").write_bytes(b"half")
    assert cli("backup", "--id", ID, "--output", "json").json["adopted"] is False
    assert not (folder / "db" / "half.dat").exists()
    repository.remove(ID, "retention")
    ran = cli("backup", "--id", ID)
    assert ran.code == Exit.REFUSED
    assert "was removed" in ran.err


def test_a_repeated_restore_replaces_nothing_twice(cli: Any, school: Any) -> None:
    made = cli("backup", "--output", "json").json["id"]
    school.add_student("lost by the restore")
    request = ("restore", made, "--confirm", school.name, "--request", "uid-1", "--output", "json")
    first = RestoreResult.model_validate(cli(*request).json)
    assert (first.adopted, school.students()) == (False, 300)
    school.add_student("entered after the restore")
    second = RestoreResult.model_validate(cli(*request).json)
    assert (second.adopted, second.restore_id) == (True, first.restore_id)
    assert (second.kept_database, second.safety_backup) == (
        first.kept_database,
        first.safety_backup,
    )
    assert school.students() == 301
    listed = cli("restores", "--output", "json").json["restores"]
    assert [(r["request"], r["state"]) for r in listed] == [("uid-1", "done")]
    undo = ("undo", "--restore", "uid-1", "--confirm", school.name, "--output", "json")
    assert cli("undo", "--restore", "uid-0", "--confirm", school.name).code == Exit.REFUSED
    assert cli(*undo).json["adopted"] is False
    assert school.students() == 301  # the one that the restore lost
    assert cli(*undo).json["adopted"] is True
    ran = cli(*request)
    assert ran.code == Exit.REFUSED
    assert "then undone" in ran.err


def test_a_restore_that_failed_may_be_repeated(
    cli: Any, school: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cli("backup", "--output", "json").json["id"]
    request = ("restore", made, "--confirm", school.name, "--request", "uid-2", "--output", "json")
    monkeypatch.setenv("SIMS_RESTORE_MIGRATE_COMMAND", "false")
    assert cli(*request).code == Exit.FAILED
    monkeypatch.setenv("SIMS_RESTORE_MIGRATE_COMMAND", "")
    assert cli(*request).json["adopted"] is False
    states = [r["state"] for r in cli("restores", "--output", "json").json["restores"]]
    assert states == ["rolled_back", "done"]


def test_sigterm_cleans_up_and_says_so(
    cli: Any, school: Any, told: tuple[Path, Path], values: Any
) -> None:
    """As a deleted Job gets it, while the run waits for a table that another session holds."""
    command = [str(Path(sys.executable).with_name("sims-backup")), "backup"]
    started = Path(values["backup_targets"])
    with school.server.connect(school.name) as other, other.transaction():
        other.execute("LOCK TABLE student IN ACCESS EXCLUSIVE MODE")
        environment = {**os.environ, "SIMS_BACKUP_LOCK_TIMEOUT": "600"}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        while process.poll() is None and not list(started.glob("fmu_platform_*/claim.json")):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == Exit.TERMINATED
    outcome = outcome_of(told[1].read_text())
    assert outcome is not None
    assert (outcome.exit_code, outcome.code) == (Exit.TERMINATED, "TERMINATED")
    assert list(started.glob("fmu_platform_*")) == []
    assert list(Path(values["backup_staging_dir"]).iterdir()) == []


def test_delete_guards_what_may_be_needed(cli: Any) -> None:
    first, second = (cli("backup", "--output", "json").json["id"] for _ in range(2))
    assert cli("delete", first).code == Exit.REFUSED
    assert cli("pin", first, "--reason", "audit", "--output", "json").json["pinned"] is True
    ran = cli("delete", first, "--confirm", first)
    assert "pinned: audit" in ran.err
    assert cli("unpin", first, "--output", "json").json["pinned"] is False
    assert cli("delete", first, "--confirm", first, "--output", "json").json["deleted"] is True
    assert cli("delete", first, "--confirm", first, "--output", "json").json["deleted"] is False
    ran = cli("delete", second, "--confirm", second)
    assert "last verified backup" in ran.err
    assert cli("delete", ID, "--confirm", ID).code == Exit.NOT_FOUND
    assert [s["id"] for s in cli("list", "--output", "json").json["sets"]] == [second]


def test_stores_are_examined_without_a_database(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMS_DATABASE_URL", "postgresql://u@127.0.0.1:1/x")
    ran = cli("doctor", "--only", "stores", "--output", "json")
    assert ran.code == Exit.OK, ran.out
    assert {f["check"].split()[0] for f in ran.json["findings"]} == {"store"}
    assert cli("doctor", "--only", "database").code == Exit.FAILED
    assert cli("list").code == Exit.OK


def test_the_contract_imports_no_driver() -> None:
    code = (
        "import sys, json\n"
        "from sims_backup.contract import events, exits, manifest, naming, results, retention\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    heavy = {"psycopg", "boto3", "botocore", "pyrage", "zstandard", "typer", "rich", "click"}
    assert not heavy & set(json.loads(out))
