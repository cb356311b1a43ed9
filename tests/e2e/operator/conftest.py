"""Fixtures: a store that stays, a school beside it, and an empty storage for each test.

Run with SIMS_E2E=1 and a kind cluster as the current context (or SIMS_E2E_CONTEXT). Images come
from the release that `make kind-up` made, or from a file named by SIMS_E2E_VALUES. With
SIMS_E2E_KEEP the namespaces stay for the next run.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from ..cluster import Cluster, eventually
from .school import School, values

STORE = "sims-e2e-store"


@pytest.fixture(scope="session")
def school(cluster: Cluster) -> Iterator[School]:
    found = School(cluster, values(cluster))
    keep = os.environ.get("SIMS_E2E_KEEP")
    if not keep:
        cluster.delete_namespace(found.namespace)
        cluster.delete_namespace(STORE)
    found.make_store(STORE)
    found.install()
    if found.sql("SELECT to_regclass('student') IS NOT NULL") == "t" and not found.students():
        found.seed()
    yield found
    if not keep:
        cluster.delete_namespace(found.namespace)
        cluster.delete_namespace(STORE)


@pytest.fixture
def ready(school: School) -> School:
    """With an Available storage ``s3``, an own prefix in the bucket, and nothing else."""
    school.scale_operator(1)
    school.clear()
    school.drop_ballast()
    school.kubectl("scale", "deploy/sims-api", "deploy/sims-worker", "--replicas=1")
    school.give_credentials(STORE)
    school.make("BackupStorage", "s3", storage_spec(uuid.uuid4().hex[:8]))
    eventually("storage available", lambda: school.status("sst", "s3")["phase"] == "Available")
    return school


def storage_spec(prefix: str) -> dict[str, object]:
    return {
        "s3": {
            "endpoint": "http://versitygw:7070",
            "bucket": "sims-backups",
            "prefix": prefix,
            "credentialsSecretRef": {"name": "backup-s3"},
        },
        "probeIntervalSeconds": 30,
    }
