"""Schedules: each slot once, one catch-up, and what follows a backup."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sims_backup_operator.kube import Kind, Object
from sims_backup_operator.testing.api import Crash
from sims_backup_operator.testing.cluster import Cluster

HOURLY: Object = {"schedule": "0 * * * *", "template": {"storageRef": {"name": "s3"}}}


def look(cluster: Cluster) -> Any:
    cluster.reconcile(Kind.SCHEDULE, "hourly")
    return cluster.status(Kind.SCHEDULE, "hourly")


def backups(cluster: Cluster) -> list[str]:
    return sorted(item["metadata"]["name"] for item in cluster.api.all(Kind.BACKUP))


def start(cluster: Cluster, **spec: object) -> None:
    cluster.make(Kind.SCHEDULE, "hourly", {**HOURLY, **spec})
    look(cluster)


def test_nothing_is_due_before_the_first_slot(cluster: Cluster) -> None:
    start(cluster)
    assert backups(cluster) == []
    assert look(cluster)["nextScheduleTime"] == "2026-03-01T13:00:00Z"


def test_a_slot_gives_one_backup_however_often_one_looks(cluster: Cluster) -> None:
    start(cluster)
    cluster.advance(3600)
    for _ in range(5):
        look(cluster)
    assert backups(cluster) == ["hourly-20260301t1300z"]


def test_days_of_absence_are_caught_up_once(cluster: Cluster) -> None:
    start(cluster)
    cluster.advance(3 * 86400 + 60)
    look(cluster)
    look(cluster)
    assert backups(cluster) == ["hourly-20260304t1200z"]


def test_a_slot_past_its_starting_deadline_is_missed_and_counted(cluster: Cluster) -> None:
    start(cluster, startingDeadlineSeconds=300)
    cluster.advance(3600 + 301)
    assert look(cluster)["missed"] == 1
    assert look(cluster)["missed"] == 1
    assert backups(cluster) == []


def test_suspended_time_is_not_caught_up(cluster: Cluster) -> None:
    start(cluster, suspend=True)
    cluster.advance(5 * 3600)
    status = look(cluster)
    assert (status["phase"], status["reason"]) == ("Suspended", "Suspended")
    assert "suspendedSince" in status
    cluster.api.edit(Kind.SCHEDULE, "hourly", {"suspend": False})
    assert "suspendedSince" not in look(cluster)
    assert backups(cluster) == []
    cluster.advance(3600)
    look(cluster)
    assert backups(cluster) == ["hourly-20260301t1800z"]


def test_a_clock_set_back_repeats_no_slot(cluster: Cluster) -> None:
    start(cluster)
    cluster.advance(3600)
    look(cluster)
    cluster.time -= timedelta(hours=5)
    look(cluster)
    cluster.time += timedelta(hours=5)
    look(cluster)
    assert "hourly-20260301t1300z" in backups(cluster)
    assert len([name for name in backups(cluster) if name.endswith("1300z")]) == 1


def test_forbid_skips_with_a_reason_while_one_runs(cluster: Cluster) -> None:
    start(cluster)
    for _ in range(2):
        cluster.advance(3600)
        look(cluster)
        for name in backups(cluster):
            cluster.reconcile(Kind.BACKUP, name)
    status = cluster.status(Kind.BACKUP, "hourly-20260301t1400z")
    assert status["phase"] == "Skipped"
    assert "hourly-20260301t1300z still runs" in status["message"]


def test_replace_lets_the_old_run_go(cluster: Cluster) -> None:
    start(cluster, concurrencyPolicy="Replace")
    for _ in range(2):
        cluster.advance(3600 - 301)
        cluster.probe("s3")
        look(cluster)
        for name in backups(cluster):
            cluster.reconcile(Kind.BACKUP, name)
    assert backups(cluster) == ["hourly-20260301t1400z"]
    assert len(cluster.open_jobs()) == 1


def test_run_now_takes_one_backup_for_one_text(cluster: Cluster) -> None:
    start(cluster, runNow="before the exams")
    look(cluster)
    assert len(backups(cluster)) == 1
    cluster.api.edit(Kind.SCHEDULE, "hourly", {"runNow": "after the exams"})
    look(cluster)
    look(cluster)
    assert len(backups(cluster)) == 2


def test_a_schedule_that_cannot_be_read_says_so(cluster: Cluster) -> None:
    start(cluster, schedule="99 * * * *")
    status = look(cluster)
    assert (status["phase"], status["reason"]) == ("Invalid", "InvalidSchedule")
    assert "99" in status["message"]
    cluster.api.edit(Kind.SCHEDULE, "hourly", {"schedule": "0 * * * *"})
    assert look(cluster)["phase"] == "Active"


def test_retention_runs_after_a_success_and_gone_sets_lose_their_objects(cluster: Cluster) -> None:
    start(cluster, retention={"days": 1})
    for _ in range(5):
        cluster.advance(3600)
        cluster.settle()
    status = look(cluster)
    assert len(cluster.engine.sets) == 3
    assert len(backups(cluster)) == 3
    assert status["retention"]["backup"] == status["lastSuccess"]


def test_the_oldest_schedule_rules_a_storage(cluster: Cluster) -> None:
    start(cluster, retention={"days": 1})
    cluster.advance(10)
    cluster.make(Kind.SCHEDULE, "second", {**HOURLY, "retention": {"days": 9}})
    cluster.advance(3600)
    cluster.settle()
    second = cluster.status(Kind.SCHEDULE, "second")
    assert "hourly rules s3" in second["retention"]["message"]


def test_each_second_backup_is_drilled(cluster: Cluster) -> None:
    start(cluster, drill={"everyNth": 2})
    for _ in range(4):
        cluster.advance(3600)
        cluster.settle(rounds=30)
    assert len(backups(cluster)) >= 4
    drills = [item["metadata"]["name"] for item in cluster.api.all(Kind.RESTORE)]
    assert len(drills) == len(backups(cluster)) // 2
    status = look(cluster)
    assert status["drill"]["recoveryTime"] == "2.5s"


def test_drills_by_the_clock_keep_a_short_history(cluster: Cluster) -> None:
    start(cluster, drill={"schedule": "30 * * * *", "historyLimit": 2})
    for _ in range(5):
        cluster.advance(3600)
        cluster.settle(rounds=30)
    assert 1 <= len(cluster.api.all(Kind.RESTORE)) <= 3


def test_copies_go_to_the_other_storage(cluster: Cluster) -> None:
    cluster.make(Kind.STORAGE, "shelf", {"local": {"claimName": "shelf"}})
    start(cluster, sync=[{"storageRef": {"name": "shelf"}}])
    cluster.advance(3600)
    cluster.settle()
    (found,) = look(cluster)["sync"]
    assert (found["storage"], found["message"]) == ("shelf", "0 copied, 0 removed")
    conditions = cluster.status(Kind.BACKUP, found["backup"])["conditions"]
    assert ("Synced", "True") in {(c["type"], c["status"]) for c in conditions}


def test_a_deleted_schedule_keeps_its_backups(cluster: Cluster) -> None:
    start(cluster)
    cluster.advance(3600)
    look(cluster)
    cluster.api.remove(Kind.SCHEDULE, "hourly")
    assert len(backups(cluster)) == 1


@pytest.mark.parametrize("moment", range(1, 40))
def test_a_crash_at_any_call_neither_doubles_nor_loses_the_slot(
    cluster: Cluster, moment: int
) -> None:
    start(cluster)
    cluster.advance(3600)
    with cluster.crash_at(moment):
        for _ in range(3):
            try:
                look(cluster)
            except Crash:
                continue
    assert backups(cluster) == ["hourly-20260301t1300z"]
    assert look(cluster)["created"] == 1


def test_retention_that_met_a_database_away_is_tried_again(cluster: Cluster) -> None:
    start(cluster, retention={"days": 1})
    cluster.advance(3600 - 301)
    cluster.probe("s3")
    look(cluster)
    (name,) = backups(cluster)
    cluster.reconcile(Kind.BACKUP, name)
    cluster.finish(cluster.open_jobs()[0])
    cluster.reconcile(Kind.BACKUP, name)
    look(cluster)
    (prune,) = cluster.open_jobs()
    cluster.finish(prune, "die")
    assert "tried again" in look(cluster)["retention"]["message"]
    cluster.advance(61)
    look(cluster)
    assert cluster.open_jobs() == [prune]
    cluster.finish(prune)
    assert look(cluster)["retention"]["backup"] == name
