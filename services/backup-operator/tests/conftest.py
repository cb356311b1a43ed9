"""A cluster in memory with one storage that can be used."""

from __future__ import annotations

import pytest

from sims_backup_operator.kube import Kind
from sims_backup_operator.testing.cluster import Cluster

S3 = {"s3": {"bucket": "school-backups", "prefix": "prod", "endpoint": "http://s3:7070"}}


@pytest.fixture
def cluster() -> Cluster:
    found = Cluster()
    found.make(Kind.STORAGE, "s3", S3)
    found.reconcile(Kind.STORAGE, "s3")
    (probe,) = found.open_jobs()
    found.finish(probe)
    found.reconcile(Kind.STORAGE, "s3")
    assert found.status(Kind.STORAGE, "s3")["phase"] == "Available"
    return found
