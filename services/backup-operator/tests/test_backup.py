"""A Backup from its creation to its end, with everything that can happen on the way."""

from __future__ import annotations

import pytest

from sims_backup_operator.kube import Kind
from sims_backup_operator.testing.api import Crash, unreachable
from sims_backup_operator.testing.cluster import Cluster, How

SPEC = {"storageRef": {"name": "s3"}}


def take(cluster: Cluster, name: str = "one", **spec: object) -> str:
    """Makes a Backup and looks once; returns the name of its Job."""
    cluster.make(Kind.BACKUP, name, {**SPEC, **spec})
    cluster.reconcile(Kind.BACKUP, name)
    found: str = cluster.status(Kind.BACKUP, name)["job"]
    return found


def look(cluster: Cluster, name: str = "one") -> dict[str, object]:
    cluster.reconcile(Kind.BACKUP, name)
    return cluster.status(Kind.BACKUP, name)


def condition(status: dict[str, object], name: str) -> tuple[str, str]:
    conditions = status["conditions"]
    assert isinstance(conditions, list)
    (found,) = (c for c in conditions if c["type"] == name)
    return found["status"], found["reason"]


def test_a_backup_goes_through_its_phases_and_ends_with_its_figures(cluster: Cluster) -> None:
    job = take(cluster)
    assert cluster.status(Kind.BACKUP, "one")["phase"] == "Pending"
    cluster.start(job)
    uploading = look(cluster)
    assert (uploading["phase"], uploading["progress"]) == ("Uploading", "upload 5 B")
    cluster.start(job, stage="publish")
    assert look(cluster)["phase"] == "Verifying"
    cluster.finish(job)
    status = look(cluster)
    assert status["phase"] == "Completed"
    assert status["setId"] == "fmu_platform_20260301_120000"
    assert (status["size"], status["duration"]) == ("4.0 KiB", "3.5s")
    assert condition(status, "Ready") == ("True", "Completed")
    assert condition(status, "Verified") == ("True", "ReadBack")
    assert condition(status, "Progressing") == ("False", "Completed")
    reasons = {event["reason"] for event in cluster.api.all(Kind.EVENT)}
    assert reasons >= {"Started", "Uploading", "Verifying", "Completed"}


def test_phases_never_go_back_when_progress_does(cluster: Cluster) -> None:
    job = take(cluster)
    cluster.start(job, stage="publish")
    look(cluster)
    cluster.start(job, stage="upload")
    assert look(cluster)["phase"] == "Verifying"


def test_an_ended_backup_is_frozen(cluster: Cluster) -> None:
    cluster.finish(take(cluster))
    ended = dict(look(cluster))
    cluster.advance(10**6)
    assert look(cluster) == ended


@pytest.mark.parametrize("how", ["die", "publish-and-die", "vanish"])
def test_a_lost_pod_is_tried_again_under_the_same_id(cluster: Cluster, how: How) -> None:
    job = take(cluster)
    cluster.start(job)
    look(cluster)
    cluster.finish(job, how)
    cluster.advance(60)
    look(cluster)
    (second,) = cluster.open_jobs()
    assert second != job
    cluster.finish(second)
    status = look(cluster)
    assert (status["phase"], status["attempt"]) == ("Completed", 2)
    assert list(cluster.engine.sets) == ["fmu_platform_20260301_120000"]


def test_retries_end(cluster: Cluster) -> None:
    take(cluster, retries=1)
    for _ in range(2):
        (job,) = cluster.open_jobs()
        cluster.finish(job, "die")
        cluster.advance(600)
        look(cluster)
    status = look(cluster)
    assert (status["phase"], status["reason"], status["attempt"]) == ("Failed", "Killed", 2)
    assert "137" in str(status["message"])


def test_what_trying_again_cannot_help_fails_at_once(cluster: Cluster) -> None:
    cluster.finish(take(cluster), "fail")
    status = look(cluster)
    assert (status["phase"], status["reason"]) == ("Failed", "NoSpace")
    assert status["message"] == "the disk is full"
    assert condition(status, "Ready") == ("False", "NoSpace")


def test_a_run_past_its_deadline_fails_and_its_job_goes(cluster: Cluster) -> None:
    job = take(cluster, deadlineSeconds=60)
    cluster.start(job)
    look(cluster)
    cluster.advance(60 + 121)
    assert (look(cluster)["phase"], look(cluster)["reason"]) == ("Failed", "DeadlineExceeded")
    assert cluster.open_jobs() == []


def test_the_jobs_own_deadline_fails_the_backup(cluster: Cluster) -> None:
    job = take(cluster)
    cluster.time_out(job)
    assert (look(cluster)["phase"], look(cluster)["reason"]) == ("Failed", "DeadlineExceeded")


def test_one_waits_for_the_other(cluster: Cluster) -> None:
    first = take(cluster, "one")
    cluster.make(Kind.BACKUP, "two", SPEC)
    status = look(cluster, "two")
    assert (status["phase"], status["reason"]) == ("Pending", "Waiting")
    assert first in str(status["message"])
    cluster.finish(first)
    look(cluster, "two")
    assert len(cluster.open_jobs()) == 1


def test_a_storage_that_is_away_is_waited_for(cluster: Cluster) -> None:
    cluster.engine.store_up = False
    cluster.advance(400)
    cluster.reconcile(Kind.STORAGE, "s3")
    (probe,) = cluster.open_jobs()
    cluster.finish(probe)
    cluster.reconcile(Kind.STORAGE, "s3")
    assert cluster.status(Kind.STORAGE, "s3")["reason"] == "Unavailable"
    cluster.make(Kind.BACKUP, "one", SPEC)
    status = look(cluster)
    assert (status["phase"], status["reason"]) == ("Pending", "StorageUnavailable")
    assert "does not answer" in str(status["message"])
    cluster.engine.store_up = True
    cluster.settle()
    assert cluster.status(Kind.BACKUP, "one")["phase"] == "Completed"


def test_never_started_fails_after_six_hours_and_says_why(cluster: Cluster) -> None:
    cluster.make(Kind.BACKUP, "one", {"storageRef": {"name": "nowhere"}})
    look(cluster)
    cluster.advance(6 * 3600 + 1)
    status = look(cluster)
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert "no BackupStorage nowhere" in str(status["message"])


@pytest.mark.parametrize("moment", range(1, 40))
def test_a_crash_at_any_call_makes_one_job_and_one_set(cluster: Cluster, moment: int) -> None:
    """The operator dies at its n-th call to the API, and another one goes on."""
    cluster.make(Kind.BACKUP, "one", SPEC)
    with cluster.crash_at(moment):
        for _ in range(3):
            try:
                cluster.reconcile(Kind.BACKUP, "one")
            except Crash:
                continue
    for job in cluster.open_jobs():
        cluster.finish(job)
    cluster.settle()
    assert cluster.status(Kind.BACKUP, "one")["phase"] == "Completed"
    assert len(cluster.engine.sets) == 1
    assert cluster.status(Kind.BACKUP, "one")["attempt"] == 1


def test_an_unreachable_api_changes_nothing(cluster: Cluster) -> None:
    take(cluster)
    before = dict(cluster.status(Kind.BACKUP, "one"))
    cluster.api.fault = unreachable
    with pytest.raises(Exception, match="connection refused"):
        cluster.reconcile(Kind.BACKUP, "one")
    assert cluster.status(Kind.BACKUP, "one") == before


def test_a_job_of_another_object_is_not_taken_over(cluster: Cluster) -> None:
    job = take(cluster)
    stranger = dict(cluster.api.objects[Kind.JOB, job])
    stranger["metadata"] = {**stranger["metadata"], "ownerReferences": []}
    cluster.api.write(Kind.JOB, job, stranger)
    assert (look(cluster)["phase"], look(cluster)["reason"]) == ("Failed", "JobNameTaken")


def test_a_pin_is_carried_to_the_storage(cluster: Cluster) -> None:
    cluster.finish(take(cluster, pinned=True))
    cluster.settle()
    assert cluster.status(Kind.BACKUP, "one")["pinned"] is True
    assert cluster.engine.sets["fmu_platform_20260301_120000"].pinned
    cluster.api.edit(Kind.BACKUP, "one", {"pinned": False})
    cluster.settle()
    assert not cluster.engine.sets["fmu_platform_20260301_120000"].pinned
