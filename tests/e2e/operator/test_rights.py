"""Who may what, and that nothing hangs when the operator is away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..cluster import CommandFailed, eventually
from .conftest import STORE, storage_spec
from .school import School

LISTS = Path(__file__).parent / "rights"


@pytest.mark.parametrize("account", ["backup-operator", "backup-jobs"])
def test_an_account_may_what_the_list_says(ready: School, account: str) -> None:
    user = f"system:serviceaccount:{ready.namespace}:sims-{account}"
    said = ready.kubectl("auth", "can-i", "--list", "--no-headers", f"--as={user}")
    found = sorted(" ".join(line.split()) for line in said.splitlines())
    assert found == (LISTS / f"{account}.txt").read_text().splitlines()


def _job(school: School, **container: object) -> str:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "stranger"},
        "spec": {
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "engine", "image": "postgres:17", **container}],
                }
            }
        },
    }
    return json.dumps(job)


def test_the_operators_account_may_make_no_other_job(ready: School) -> None:
    user = f"--as=system:serviceaccount:{ready.namespace}:sims-backup-operator"
    with pytest.raises(CommandFailed, match="the image is the operator's own"):
        ready.kubectl("create", "--filename", "-", user, stdin=_job(ready))


def test_deletion_with_the_operator_away_does_not_hang(ready: School) -> None:
    school = ready
    school.backup("one", deletionPolicy="Delete")
    set_id = school.wait_phase("sbk", "one", "Completed")["setId"]
    school.backup("two")
    school.wait_phase("sbk", "two", "Completed")
    eventually(
        "remembered",
        lambda: set_id in school.status("sst", "s3").get("deleteWithObject", []),
    )
    school.scale_operator(0)
    school.kubectl("delete", "sbk", "one", "--timeout=20s")
    school.scale_operator(1)
    eventually(
        "its set is gone from the store",
        lambda: set_id not in school.status("sst", "s3")["deleteWithObject"],
        timeout=240,
    )
    eventually("one set is left", lambda: school.status("sst", "s3")["sets"] == 1, timeout=120)


def test_the_namespace_goes_with_the_operator_away(ready: School) -> None:
    school = ready
    school.backup("one", deletionPolicy="Delete")
    school.wait_phase("sbk", "one", "Completed")
    prefix = school.cluster.get("sst", "s3", school.namespace)["spec"]["s3"]["prefix"]
    school.scale_operator(0)
    school.cluster.kubectl("delete", "namespace", school.namespace, "--timeout=120s")
    folder = f"/data/buckets/sims-backups/{prefix}"
    left = school.cluster.kubectl(
        *("-n", STORE, "exec", "deploy/versitygw", "-c", "versitygw", "--"),
        *("find", folder, "-name", "manifest.json"),
    )
    assert len(left.splitlines()) == 1
    school.install()
    school.seed()
    school.give_credentials(STORE)
    school.make("BackupStorage", "s3", storage_spec(prefix))
