"""What a new user sees: the samples as they are, columns, a restore, an undo."""

from __future__ import annotations

import uuid

import pytest

from ..cluster import CommandFailed, eventually
from .conftest import STORE
from .school import School

NAMES = "SELECT md5(string_agg(name, '|' ORDER BY id)) FROM student"


def test_samples_run_as_they_are(ready: School) -> None:
    school = ready
    school.clear()
    bucket = "rm -rf /data/buckets/sims-backups/school /data/attributes/sims-backups/school"
    school.cluster.kubectl(
        *("-n", STORE, "exec", "deploy/versitygw", "-c", "versitygw", "--"),
        *("sh", "-c", bucket),
    )
    for name in ("backup-storage-s3", "backup-storage-local", "backup-schedule", "backup"):
        school.sample(name)
    school.kubectl("wait", "--for=condition=Ready", "sbk/before-exams", "--timeout=180s")
    for name in ("restore-plan", "restore-drill"):
        school.sample(name)
    school.wait_phase("srs", "plan", "Completed")
    assert school.wait_phase("srs", "drill", "Completed")["recoveryTime"]
    columns = school.kubectl("get", "sbk").splitlines()[0].split()
    assert columns == ["NAME", "PHASE", "SIZE", "VERIFIED", "RECOVERY", "STORAGE", "AGE"]
    status = school.status("sbk", "before-exams")
    assert (status["pinned"], status["verifiedAt"][:2]) == (True, "20")
    assert status["recoveryTime"].endswith("s")
    listed = school.kubectl("get", "sims", "--output", "name").splitlines()
    assert {name.partition(".")[0] for name in listed} >= {"backup", "restore", "backupschedule"}


def test_a_schedule_backs_up_prunes_copies_and_drills(ready: School) -> None:
    school = ready
    school.sample("backup-storage-local")
    school.kubectl("delete", "sst", "local")
    folder = f"db-{uuid.uuid4().hex[:8]}"  # the volume keeps what earlier tests wrote
    school.make("BackupStorage", "local", {"local": {"claimName": "sims-backups", "path": folder}})
    spec = {
        "schedule": "0 3 * * *",
        "runNow": "first",
        "template": {"storageRef": {"name": "local"}},
        "retention": {"daily": 7},
        "sync": [{"storageRef": {"name": "s3"}, "mirror": True}],
        "drill": {"everyNth": 1},
    }
    school.make("BackupSchedule", "nightly", spec)

    def followed() -> bool:
        status = school.status("ssch", "nightly")
        drill, sync = status.get("drill", {}), status.get("sync", [])
        pruned = status.get("retention", {}).get("lastRunTime")
        return bool(drill.get("recoveryTime") and sync and sync[0].get("lastSyncTime") and pruned)

    eventually("backup, retention, copy, drill", followed, timeout=240)
    status = school.status("ssch", "nightly")
    assert status["sync"][0]["message"] == "1 copied, 0 removed"
    assert status["retention"]["kept"] == 1
    conditions = school.status("sbk", status["lastSuccess"])["conditions"]
    found = {c["type"]: c["status"] for c in conditions}
    assert (found["Ready"], found["Verified"], found["Synced"]) == ("True", "True", "True")


def test_a_swap_brings_students_and_media_back_and_an_undo_takes_it_back(ready: School) -> None:
    school = ready
    before, names = school.students(), school.sql(NAMES)
    school.media("mkdir -p /media/photos && echo old > /media/photos/one.txt")
    school.backup("good")
    school.wait_phase("sbk", "good", "Completed")
    school.sql("CREATE TABLE written_later (id int)")
    school.sql("UPDATE student SET name = name || ' (renamed)'")
    school.media("echo new > /media/photos/one.txt")

    swap = {"mode": "Swap", "confirm": "sims", "backupRef": {"name": "good"}}
    school.make("Restore", "back", swap)
    status = school.wait_phase("srs", "back", "Completed")
    assert school.sql("SELECT to_regclass('written_later') IS NULL") == "t"
    assert school.sql(NAMES) == names
    assert (school.students(), school.media("cat /media/photos/one.txt")) == (before, "old")
    assert status["safetyBackup"]
    assert school.cluster.get("deployment", "sims-api", school.namespace)["spec"]["replicas"] == 1

    school.kubectl("patch", "srs", "back", "--type=merge", "-p", '{"spec":{"undo":true}}')
    eventually("undone", lambda: school.status("srs", "back")["undo"].get("phase") == "Completed")
    assert school.sql("SELECT to_regclass('written_later') IS NOT NULL") == "t"
    assert school.media("cat /media/photos/one.txt") == "new"
    assert school.sql(NAMES) != names


def test_a_swap_without_or_with_a_wrong_name_is_refused(ready: School) -> None:
    school = ready
    school.backup("good")
    school.wait_phase("sbk", "good", "Completed")
    spec = {"mode": "Swap", "backupRef": {"name": "good"}}
    with pytest.raises(CommandFailed, match="set confirm to its name"):
        school.make("Restore", "careless", spec)
    school.make("Restore", "wrong", {**spec, "confirm": "other"})
    status = school.wait_phase("srs", "wrong", "Failed")
    assert status["reason"] == "Refused"
    assert "--confirm sims" in status["message"]
