"""Whatever dies: every object ends, good sets restore, live data is old or new."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ..cluster import eventually
from .conftest import STORE
from .school import School

GOOD, SWAP = "good", {"mode": "Swap", "confirm": "sims", "backupRef": {"name": "good"}}


@pytest.mark.parametrize("phase", ["Pending", "Running", "Uploading", "Verifying"])
def test_operator_killed_in_a_phase_of_a_backup(ready: School, phase: str) -> None:
    school = ready
    school.ballast()
    school.backup("one")
    deadline = time.monotonic() + 90
    while school.status("sbk", "one").get("phase", "Pending") != phase:
        if school.status("sbk", "one").get("phase") == "Completed" or time.monotonic() > deadline:
            break  # the phase was over too soon to be seen: kill it now all the same
        time.sleep(0.1)
    school.kill_operator()
    status = school.wait_phase("sbk", "one", "Completed")
    assert status["attempt"] == 1


@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.5])
def test_backup_pod_killed_is_tried_again(ready: School, seconds: float) -> None:
    school = ready
    school.ballast()
    school.backup("one")
    pod = school.wait_job_pod("backup")
    time.sleep(seconds)
    school.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    status = school.wait_phase("sbk", "one", "Completed", timeout=240)
    school.wait_phase("sst", "s3", "Available")
    eventually("one set", lambda: school.status("sst", "s3")["sets"] == 1)
    assert status["setId"] == school.status("sst", "s3")["newestSet"]


def test_operator_and_backup_pod_killed_together(ready: School) -> None:
    school = ready
    school.ballast()
    school.backup("one")
    pod = school.wait_job_pod("backup")
    school.kill_operator()
    school.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    school.wait_phase("sbk", "one", "Completed", timeout=240)


def test_store_down_then_back(ready: School) -> None:
    school = ready
    _scale_store(school, 0)
    school.backup("one")
    eventually("seen to be away", lambda: school.status("sst", "s3")["phase"] == "Unavailable", 240)
    waits = school.status("sbk", "one")
    assert waits["phase"] in {"Pending", "Running"}
    _scale_store(school, 1)
    school.wait_phase("sbk", "one", "Completed", timeout=240)
    assert school.wait_phase("sst", "s3", "Available")["reason"] == "Available"


def test_wrong_then_rotated_credentials(ready: School) -> None:
    school = ready
    school.give_credentials(STORE, secret_key="wrong")
    eventually("refused", lambda: school.status("sst", "s3")["phase"] == "Unavailable", 180)
    school.give_credentials(STORE)
    eventually("taken", lambda: school.status("sst", "s3")["phase"] == "Available", 240)
    school.backup("one")
    school.wait_phase("sbk", "one", "Completed")


def test_postgresql_restarted_in_mid_dump(ready: School) -> None:
    school = ready
    school.ballast()
    school.backup("one")
    school.wait_job_pod("backup")
    time.sleep(1.5)
    school.kubectl("delete", "pod", "sims-postgresql-0")
    school.kubectl("rollout", "status", "statefulset/sims-postgresql", "--timeout=180s")
    school.wait_phase("sbk", "one", "Completed", timeout=300)


def test_the_same_yaml_twice(ready: School) -> None:
    school = ready
    school.backup(GOOD)
    school.backup(GOOD)
    first = school.wait_phase("sbk", GOOD, "Completed")
    school.backup(GOOD)
    assert school.status("sbk", GOOD)["setId"] == first["setId"]
    school.make("Restore", "back", SWAP)
    school.wait_phase("srs", "back", "Completed")
    school.sql("CREATE TABLE written_later (id int)")
    school.kubectl("delete", "srs", "back")
    school.make("Restore", "back", SWAP)
    status = school.wait_phase("srs", "back", "Completed")
    assert "an earlier run" in status["message"]
    assert school.sql("SELECT to_regclass('written_later') IS NOT NULL") == "t"
    school.sql("DROP TABLE written_later")


def test_deleted_while_running(ready: School) -> None:
    school = ready
    school.ballast()
    school.backup("one")
    school.wait_job_pod("backup")
    school.kubectl("delete", "sbk", "one", "--timeout=30s")
    eventually("its pod is gone", lambda: not school.job_pods("backup"))
    school.backup("two")
    school.wait_phase("sbk", "two", "Completed", timeout=240)


def _kill_operator(school: School) -> None:
    school.kill_operator()


def _kill_job(school: School) -> None:
    for pod in school.job_pods("swap"):
        school.kubectl("delete", "pod", pod, "--grace-period=0", "--force")


@pytest.mark.parametrize("kill", [_kill_operator, _kill_job])
@pytest.mark.parametrize("phase", ["Fencing", "Running", "Unfencing"])
def test_death_in_a_phase_of_a_swap(
    ready: School, phase: str, kill: Callable[[School], None]
) -> None:
    school = ready
    school.backup(GOOD)
    school.wait_phase("sbk", GOOD, "Completed")
    students = school.students()
    school.sql("CREATE TABLE written_later (id int)")
    school.make("Restore", "back", SWAP)
    deadline = time.monotonic() + 60
    while school.status("srs", "back").get("phase") not in {phase, "Completed"}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    kill(school)
    school.wait_phase("srs", "back", "Completed", timeout=300)
    assert school.students() == students
    assert school.sql("SELECT to_regclass('written_later') IS NULL") == "t"
    for name in ("sims-api", "sims-worker"):
        found = school.cluster.get("deployment", name, school.namespace)
        assert found["spec"]["replicas"] == 1, name
    school.kubectl("rollout", "status", "deploy/sims-api", "--timeout=180s")


def test_fifty_backups_at_once(ready: School) -> None:
    school = ready
    names = [f"b{number}" for number in range(50)]
    for name in names:
        school.backup(name)
    phases = school.ended("backups", timeout=900)
    assert {phases[name] for name in names} == {"Completed"}
    ids = {school.status("sbk", name)["setId"] for name in names[:10]}
    assert len(ids) == 10


def test_two_replicas_take_over_from_each_other(ready: School) -> None:
    school = ready
    school.scale_operator(2)
    school.backup("one")
    school.wait_phase("sbk", "one", "Completed")
    first = school.operator_pod()
    school.kill_operator()
    eventually("another holds the lease", lambda: school.operator_pod() not in {"", first}, 60)
    school.backup("two")
    school.wait_phase("sbk", "two", "Completed")
    eventually("two sets", lambda: school.status("sst", "s3")["sets"] == 2)


def _scale_store(school: School, replicas: int) -> None:
    scale = ("-n", STORE, "scale", "deploy/versitygw", f"--replicas={replicas}")
    school.cluster.kubectl(*scale)
    if replicas:
        wait = ("-n", STORE, "rollout", "status", "deploy/versitygw", "--timeout=120s")
        school.cluster.kubectl(*wait)
