"""Bodies of Jobs: restricted, without a token, with secrets as files; and the chart's CRDs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sims_backup_operator.crds import BackupStorage
from sims_backup_operator.kube import Kind
from sims_backup_operator.resources.job import job
from sims_backup_operator.resources.storage import both
from sims_backup_operator.resources.tasks import probe
from sims_backup_operator.runs import Run, judge
from sims_backup_operator.settings import read_job_shape
from sims_backup_operator.testing.cluster import SHAPE, Cluster
from sims_backup_operator.watch_guard import WatchGuard
from sims_common.errors import ValidationFailed

ROOT = Path(__file__).resolve().parents[3]


def storage(name: str = "s3", **spec: Any) -> BackupStorage:
    metadata = {"name": name, "namespace": "school", "uid": f"uid-{name}"}
    return BackupStorage.model_validate({"metadata": metadata, "spec": spec})


S3 = {
    "bucket": "school-backups",
    "endpoint": "https://s3:7070",
    "credentialsSecretRef": {"name": "keys"},
    "caBundleSecretRef": {"name": "ca"},
}


def pod_of(resource: BackupStorage) -> Any:
    body = job(resource, "probe", probe(resource, None), SHAPE)
    return body["spec"]["template"]["spec"]


def test_a_job_runs_once_without_token_and_without_privileges() -> None:
    resource = storage(s3=S3)
    body = job(resource, "probe", probe(resource, None), SHAPE)
    assert (body["spec"]["backoffLimit"], body["spec"]["activeDeadlineSeconds"]) == (0, 120)
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["blockOwnerDeletion"]) == ("uid-s3", False)
    pod = pod_of(resource)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    security = pod["containers"][0]["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_secrets_are_files_and_in_no_variable_or_argument() -> None:
    pod = pod_of(storage(s3=S3))
    container = pod["containers"][0]
    assert all("valueFrom" not in item for item in container["env"])
    assert "envFrom" not in container
    values = {item["name"]: item["value"] for item in container["env"]}
    assert values["SIMS_S3_SECRET_ACCESS_KEY_FILE"] == "/var/run/sims/s3/secretAccessKey"
    assert values["SIMS_S3_CA_BUNDLE"] == "/var/run/sims/s3-ca/ca.crt"
    secrets = {v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v}
    assert secrets == {"keys", "ca", "sims-database"}


def test_a_copy_between_two_accounts_is_refused() -> None:
    other = storage("other", s3={**S3, "credentialsSecretRef": {"name": "others"}})
    with pytest.raises(ValidationFailed, match="two S3 accounts"):
        both(storage(s3=S3), other)


def test_the_charts_definitions_are_those_of_the_models() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "generate_crds.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_shape_of_jobs_ends_the_process_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "jobs.yaml"
    file.write_text("image: x\nserviceAccount: y\n")
    with pytest.raises(SystemExit) as ended:
        read_job_shape(str(file))
    assert ended.value.code == 78
    assert "databaseUrl: Field required" in capsys.readouterr().err


def test_a_waiting_pod_says_what_it_waits_for() -> None:
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    status = {"containerStatuses": [{"state": waiting}]}
    pod = {"metadata": {"name": "p"}, "status": status}
    assert judge({"metadata": {"name": "j"}}, [pod]) == Run(
        "waiting", "", "p", message="ErrImagePull: no such image"
    )


def test_a_watch_that_is_behind_a_list_is_noticed() -> None:
    clock = [0.0]
    guard = WatchGuard(lambda: clock[0])
    cluster = Cluster()
    made = cluster.make(Kind.STORAGE, "s3", {"s3": {"bucket": "school-backups"}})
    guard.saw(Kind.STORAGE, None, made)
    guard.compare(Kind.STORAGE, [made])
    cluster.api.edit(Kind.STORAGE, "s3", {"probeIntervalSeconds": 60})
    newer = cluster.api.objects[Kind.STORAGE, "s3"]
    guard.compare(Kind.STORAGE, [newer])
    clock[0] = 200.0
    assert not guard.alive
    guard.saw(Kind.STORAGE, "MODIFIED", newer)
    guard.compare(Kind.STORAGE, [newer])
    assert guard.alive
