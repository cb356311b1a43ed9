"""Storages: probed, listed into Backups, and sets deleted with their objects."""

from __future__ import annotations

from typing import Any

from sims_backup_operator.kube import Kind
from sims_backup_operator.testing.cluster import Cluster

SPEC = {"storageRef": {"name": "s3"}}


def take(cluster: Cluster, name: str, **spec: object) -> str:
    cluster.make(Kind.BACKUP, name, {**SPEC, **spec})
    cluster.settle()
    status = cluster.status(Kind.BACKUP, name)
    assert status["phase"] == "Completed"
    found: str = status["setId"]
    return found


def names(cluster: Cluster) -> set[str]:
    return {item["metadata"]["name"] for item in cluster.api.all(Kind.BACKUP)}


def storage(cluster: Cluster) -> Any:
    return cluster.status(Kind.STORAGE, "s3")


def test_a_storage_is_probed_again_after_its_interval(cluster: Cluster) -> None:
    first = storage(cluster)["probedNumber"]
    cluster.reconcile(Kind.STORAGE, "s3")
    assert cluster.open_jobs() == []
    cluster.advance(301)
    cluster.reconcile(Kind.STORAGE, "s3")
    cluster.finish(cluster.open_jobs()[0])
    cluster.reconcile(Kind.STORAGE, "s3")
    assert storage(cluster)["probedNumber"] == first + 1


def test_an_empty_cluster_finds_its_backups(cluster: Cluster) -> None:
    set_id = take(cluster, "one")
    fresh = Cluster()
    fresh.engine.sets = dict(cluster.engine.sets)
    fresh.make(Kind.STORAGE, "s3", {"s3": {"bucket": "school-backups"}})
    fresh.settle()
    (name,) = names(fresh)
    assert name == set_id.replace("_", "-")
    status = fresh.status(Kind.BACKUP, name)
    assert (status["phase"], status["setId"], status["reason"]) == ("Completed", set_id, "Found")
    found = fresh.api.objects[Kind.BACKUP, name]
    assert found["metadata"]["labels"]["sims.dev/discovered"] == "true"
    assert found["spec"]["deletionPolicy"] == "Retain"
    fresh.settle()
    assert fresh.open_jobs() == []
    assert len(fresh.engine.sets) == 1


def test_a_deleted_backup_with_retain_comes_back(cluster: Cluster) -> None:
    set_id = take(cluster, "one")
    cluster.api.remove(Kind.BACKUP, "one")
    cluster.settle()
    assert names(cluster) == {set_id.replace("_", "-")}
    assert set_id in cluster.engine.sets


def test_a_deleted_backup_with_delete_takes_its_set_along(cluster: Cluster) -> None:
    set_id = take(cluster, "one", deletionPolicy="Delete")
    take(cluster, "two")
    cluster.reconcile(Kind.STORAGE, "s3")
    cluster.api.remove(Kind.BACKUP, "one")
    cluster.settle()
    assert set_id not in cluster.engine.sets
    assert names(cluster) == {"two"}
    assert storage(cluster)["pendingDeletions"] == []


def test_deletion_while_the_storage_is_away_happens_later(cluster: Cluster) -> None:
    set_id = take(cluster, "one", deletionPolicy="Delete")
    cluster.reconcile(Kind.STORAGE, "s3")
    cluster.engine.store_up = False
    cluster.api.remove(Kind.BACKUP, "one")
    cluster.settle()
    assert [item["setId"] for item in storage(cluster)["pendingDeletions"]] == [set_id]
    cluster.engine.store_up = True
    cluster.settle()
    assert set_id not in cluster.engine.sets


def test_a_policy_changed_to_retain_keeps_the_set(cluster: Cluster) -> None:
    set_id = take(cluster, "one", deletionPolicy="Delete")
    cluster.reconcile(Kind.STORAGE, "s3")
    assert storage(cluster)["deleteWithObject"] == [set_id]
    cluster.api.edit(Kind.BACKUP, "one", {"deletionPolicy": "Retain"})
    cluster.reconcile(Kind.STORAGE, "s3")
    cluster.api.remove(Kind.BACKUP, "one")
    cluster.settle()
    assert set_id in cluster.engine.sets


def test_a_set_that_vanished_is_an_alarm_not_a_deletion(cluster: Cluster) -> None:
    set_id = take(cluster, "one")
    del cluster.engine.sets[set_id]
    cluster.settle()
    assert names(cluster) == {"one"}
    conditions = cluster.status(Kind.BACKUP, "one")["conditions"]
    assert ("Ready", "False", "SetMissing") in {
        (c["type"], c["status"], c["reason"]) for c in conditions
    }
    assert cluster.status(Kind.BACKUP, "one")["phase"] == "Completed"


def test_the_same_set_in_two_storages_is_two_backups(cluster: Cluster) -> None:
    take(cluster, "one")
    cluster.make(Kind.STORAGE, "shelf", {"local": {"claimName": "shelf"}})
    cluster.settle()
    assert len(names(cluster)) == 2
    cluster.settle()
    assert len(names(cluster)) == 2


def test_a_set_published_by_a_run_that_was_lost_gets_a_record(cluster: Cluster) -> None:
    """Found by a random history: no retry left, the pod died after the manifest."""
    cluster.make(Kind.BACKUP, "one", {**SPEC, "retries": 0})
    cluster.reconcile(Kind.BACKUP, "one")
    cluster.finish(cluster.open_jobs()[0], "publish-and-die")
    cluster.settle()
    assert cluster.status(Kind.BACKUP, "one")["phase"] == "Failed"
    (found,) = names(cluster) - {"one"}
    assert cluster.status(Kind.BACKUP, found)["phase"] == "Completed"


def test_a_probe_whose_job_disappears_is_a_failed_probe(cluster: Cluster) -> None:
    cluster.advance(301)
    cluster.reconcile(Kind.STORAGE, "s3")
    cluster.finish(cluster.open_jobs()[0], "vanish")
    cluster.advance(241)
    cluster.reconcile(Kind.STORAGE, "s3")
    assert storage(cluster)["phase"] == "Unavailable"
    assert "disappeared" in storage(cluster)["message"]
