"""Restores: plan, drill, swap, undo; workloads come back whatever happens."""

from __future__ import annotations

from typing import Any

import pytest

from sims_backup_operator.kube import Kind
from sims_backup_operator.reconcile import fence
from sims_backup_operator.testing.api import Crash, drive
from sims_backup_operator.testing.cluster import Cluster, How

SWAP = {"mode": "Swap", "confirm": "sims", "backupRef": {"name": "one"}}


@pytest.fixture
def ready(cluster: Cluster) -> Cluster:
    """With one completed Backup."""
    cluster.make(Kind.BACKUP, "one", {"storageRef": {"name": "s3"}})
    cluster.reconcile(Kind.BACKUP, "one")
    cluster.finish(cluster.open_jobs()[0])
    cluster.reconcile(Kind.BACKUP, "one")
    return cluster


def look(cluster: Cluster, times: int = 4) -> Any:
    for _ in range(times):
        cluster.reconcile(Kind.RESTORE, "back")
    return cluster.status(Kind.RESTORE, "back")


def test_a_swap_stops_the_workloads_and_brings_them_back(ready: Cluster) -> None:
    ready.make(Kind.RESTORE, "back", SWAP)
    status = look(ready)
    assert (status["phase"], ready.replicas("api")) == ("Running", 0)
    assert status["fenced"] == [{"name": "api", "replicas": 3}]
    ready.finish(ready.open_jobs()[0])
    status = look(ready)
    assert (status["phase"], status["reason"]) == ("Completed", "Restored")
    assert (status["setId"], status["closedFor"]) == ("fmu_platform_20260301_120000", "0.1s")
    assert ready.replicas("api") == 3
    assert drive(fence.entries(ready.world)) == {}


@pytest.mark.parametrize("how", ["fail", "die"])
def test_a_failed_swap_brings_the_workloads_back(ready: Cluster, how: How) -> None:
    ready.make(Kind.RESTORE, "back", {**SWAP, "retries": 0})
    look(ready)
    ready.finish(ready.open_jobs()[0], how)
    assert look(ready)["phase"] == "Failed"
    assert ready.replicas("api") == 3


def test_a_deleted_restore_brings_the_workloads_back(ready: Cluster) -> None:
    ready.make(Kind.RESTORE, "back", SWAP)
    look(ready)
    ready.api.remove(Kind.RESTORE, "back")
    assert ready.replicas("api") == 0
    assert drive(fence.lift_orphans(ready.world)) == ["api"]
    assert ready.replicas("api") == 3


def test_a_swap_killed_after_its_end_is_not_done_twice(ready: Cluster) -> None:
    ready.make(Kind.RESTORE, "back", SWAP)
    look(ready)
    ready.finish(ready.open_jobs()[0], "publish-and-die")
    ready.advance(60)
    look(ready)
    ready.finish(ready.open_jobs()[0])
    status = look(ready)
    assert (status["phase"], status["attempt"]) == ("Completed", 2)
    assert "an earlier run" in status["message"]
    assert len(ready.engine.swaps) == 1


def test_the_same_yaml_again_restores_nothing_twice(ready: Cluster) -> None:
    """Deleted and applied again, it is the same request in the server's journal."""
    for _ in range(2):
        ready.make(Kind.RESTORE, "back", SWAP)
        look(ready)
        ready.finish(ready.open_jobs()[0])
        assert look(ready)["phase"] == "Completed"
        ready.api.remove(Kind.RESTORE, "back")
    assert len(ready.engine.swaps) == 1


def test_the_same_name_for_another_set_is_another_request(ready: Cluster) -> None:
    for _ in range(2):
        ready.make(Kind.RESTORE, "back", SWAP)
        look(ready)
        ready.finish(ready.open_jobs()[0])
        assert look(ready)["phase"] == "Completed"
        ready.api.remove(Kind.RESTORE, "back")
        ready.api.remove(Kind.BACKUP, "one")
        ready.advance(5)
        ready.make(Kind.BACKUP, "one", {"storageRef": {"name": "s3"}})
        ready.reconcile(Kind.BACKUP, "one")
        ready.finish(ready.open_jobs()[0])
        ready.reconcile(Kind.BACKUP, "one")
    assert len(ready.engine.swaps) == 2


def test_an_undo_takes_the_swap_back_once(ready: Cluster) -> None:
    ready.make(Kind.RESTORE, "back", SWAP)
    look(ready)
    ready.finish(ready.open_jobs()[0])
    look(ready)
    ready.advance(9 * 3600)
    ready.api.edit(Kind.RESTORE, "back", {"undo": True})
    status = look(ready)
    assert (status["phase"], status["undo"]["phase"]) == ("Completed", "Running")
    assert ready.replicas("api") == 0
    ready.finish(ready.open_jobs()[0])
    status = look(ready)
    assert (status["phase"], status["undo"]["phase"]) == ("Completed", "Completed")
    assert (ready.replicas("api"), len(ready.engine.undos)) == (3, 1)
    look(ready)
    assert ready.open_jobs() == []


def test_a_plan_touches_nothing_and_says_what_would_go(ready: Cluster) -> None:
    ready.make(Kind.RESTORE, "back", {"mode": "Plan", "backupRef": {"name": "one"}})
    look(ready)
    assert ready.replicas("api") == 3
    ready.finish(ready.open_jobs()[0])
    status = look(ready)
    assert (status["phase"], status["reason"]) == ("Completed", "Planned")
    assert status["plan"]["rowsLost"] == 0
    assert ready.engine.swaps == []


def test_a_drill_marks_its_backup_with_the_measured_time(ready: Cluster) -> None:
    source = {"storageRef": {"name": "s3"}, "latest": True}
    ready.make(Kind.RESTORE, "back", {"mode": "Drill", "source": source})
    look(ready)
    ready.finish(ready.open_jobs()[0])
    assert look(ready)["recoveryTime"] == "2.5s"
    status = ready.status(Kind.BACKUP, "one")
    assert status["recoveryTime"] == "2.5s"
    assert ("Verified", "True", "Drilled") in {
        (c["type"], c["status"], c["reason"]) for c in status["conditions"]
    }


def test_a_swap_of_a_missing_deployment_is_refused_before_anything_stops(ready: Cluster) -> None:
    ready.make(Kind.RESTORE, "back", {**SWAP, "scaleDown": ["api", "nobody"]})
    status = look(ready)
    assert (status["phase"], status["reason"]) == ("Failed", "Refused")
    assert "nobody" in status["message"]
    assert ready.replicas("api") == 3


def test_a_backup_waits_while_workloads_are_down(ready: Cluster) -> None:
    ready.make(Kind.RESTORE, "back", SWAP)
    look(ready, times=1)
    assert ready.status(Kind.RESTORE, "back")["phase"] == "Fencing"
    ready.make(Kind.BACKUP, "two", {"storageRef": {"name": "s3"}})
    ready.reconcile(Kind.BACKUP, "two")
    assert ready.status(Kind.BACKUP, "two")["message"] == "waits for Restore back"


@pytest.mark.parametrize("moment", range(1, 60))
def test_a_crash_at_any_call_swaps_once_and_leaves_nothing_stopped(
    ready: Cluster, moment: int
) -> None:
    ready.make(Kind.RESTORE, "back", SWAP)
    with ready.crash_at(moment):
        for _ in range(12):
            try:
                ready.reconcile(Kind.RESTORE, "back")
            except Crash:
                continue
            for job in ready.open_jobs():
                ready.finish(job)
    ready.settle()
    assert ready.status(Kind.RESTORE, "back")["phase"] == "Completed"
    assert len(ready.engine.swaps) == 1
    assert ready.replicas("api") == 3
    assert drive(fence.entries(ready.world)) == {}
