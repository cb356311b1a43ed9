"""One installation with backups: its own namespace, S3 server, media volume and students."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from dataclasses import dataclass
from typing import Any

from ..cluster import ROOT, Cluster, Resource, eventually

NAMESPACE = "sims-e2e-operator"
NAME = "sims"
SAMPLES = ROOT / "k8s" / "samples"
STUDENTS = 40
MEDIA = "sims-media"
ENDED = ("Completed", "Failed", "Skipped")
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
_POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "fsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_CONTAINER_SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@dataclass
class School:
    cluster: Cluster
    values: list[str]
    namespace: str = NAMESPACE

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 300) -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments, stdin=stdin, timeout=timeout)

    # installing -----------------------------------------------------------------

    def install(self, *options: str) -> None:
        """The namespace, the media volume with a shell on it, the release."""
        metadata = {"name": self.namespace, "labels": RESTRICTED}
        self.cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, "default"
        )
        self.cluster.apply(_claim(MEDIA), self.namespace)
        self.cluster.apply(_shell(), self.namespace)
        self.upgrade(*options)
        self.kubectl("wait", "--for=condition=Ready", "pod/media-shell", "--timeout=120s")

    def upgrade(self, *options: str) -> None:
        fixed = ("--set", f"backup.mediaClaim={MEDIA}", "--set", "smtp.host=")
        self.cluster.helm(
            *("upgrade", NAME, "charts/sims", "--install", "--namespace", self.namespace),
            *self.values,
            *fixed,
            *options,
            *("--wait", "--timeout", "5m"),
        )

    def make_store(self, namespace: str) -> None:
        """An S3 server with the bucket of the samples; it outlives the school."""
        metadata = {"name": namespace, "labels": RESTRICTED}
        self.cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, "default"
        )
        if not self.cluster.has("secret", "versitygw", namespace):
            keys = {"access-key": "sims", "secret-key": secrets.token_hex(20)}
            self.cluster.apply(_secret("versitygw", keys), namespace)
        self.cluster.apply((SAMPLES / "versitygw.yaml").read_text(), namespace)
        wait = ("-n", namespace, "rollout", "status", "deploy/versitygw", "--timeout=120s")
        self.cluster.kubectl(*wait)
        bucket = ("mkdir", "-p", "/data/buckets/sims-backups")
        self.cluster.kubectl(
            "-n", namespace, "exec", "deploy/versitygw", "-c", "versitygw", "--", *bucket
        )

    def give_credentials(self, store: str, secret_key: str | None = None) -> None:
        data = self.cluster.get("secret", "versitygw", store)["data"]
        key = secret_key or base64.b64decode(data["secret-key"]).decode()
        keys = {"accessKeyId": "sims", "secretAccessKey": key}
        self.cluster.apply(_secret("backup-s3", keys), self.namespace)
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "versitygw"},
            "spec": {
                "type": "ExternalName",
                "externalName": f"versitygw.{store}.svc.cluster.local",
            },
        }
        self.cluster.apply(service, self.namespace)

    # resources ------------------------------------------------------------------

    def sample(self, name: str) -> None:
        self.kubectl("apply", "--filename", str(SAMPLES / f"{name}.yaml"))

    def make(self, kind: str, name: str, spec: Resource) -> None:
        body = {
            "apiVersion": "sims.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        }
        self.cluster.apply(body, self.namespace)

    def backup(self, name: str, **spec: Any) -> None:
        self.make("Backup", name, {"storageRef": {"name": "s3"}, **spec})

    def status(self, kind: str, name: str) -> Resource:
        found: Resource = self.cluster.get(kind, name, self.namespace).get("status", {})
        return found

    def wait_phase(self, kind: str, name: str, *phases: str, timeout: float = 180) -> Resource:
        """Until it is in one of the phases; fails at once in another ended one."""

        def there() -> bool:
            found = self.status(kind, name)
            now = found.get("phase", "")
            if now in ENDED and now not in phases:
                raise AssertionError(f"{kind} {name} is {now}: {json.dumps(found, indent=1)}")
            return now in phases

        eventually(f"{kind} {name} {' or '.join(phases)}", there, timeout)
        return self.status(kind, name)

    def ended(self, kind: str, timeout: float = 240) -> dict[str, str]:
        """Name to phase, once every object of the kind has ended."""

        def phases() -> dict[str, str]:
            items = self.cluster.list(kind, self.namespace)
            return {i["metadata"]["name"]: i.get("status", {}).get("phase", "") for i in items}

        eventually(f"all {kind} ended", lambda: all(p in ENDED for p in phases().values()), timeout)
        return phases()

    def clear(self) -> None:
        """No backup objects and no sets: each test begins with an empty storage."""
        for kind in ("backupschedules", "restores", "backupstorages", "backups", "jobs"):
            self.kubectl("delete", kind, "--all", "--ignore-not-found", "--timeout=60s")

    # the school -----------------------------------------------------------------

    def seed(self) -> None:
        command = ("sims", "seed", "--students", str(STUDENTS), "--output", "json")
        self.kubectl("exec", f"deploy/{NAME}-api", "-c", "api", "--", *command)

    def sql(self, statement: str, database: str = "sims") -> str:
        psql = ("psql", "-U", "postgres", "-d", database, "-tA", "-v", "ON_ERROR_STOP=1", "-c")
        return self.kubectl("exec", f"{NAME}-postgresql-0", "--", *psql, statement).strip()

    def students(self) -> int:
        return int(self.sql("SELECT count(*) FROM student"))

    def ballast(self, rows: int = 400_000) -> None:
        """A table that makes a dump last some seconds."""
        self.sql(
            "CREATE TABLE IF NOT EXISTS ballast AS SELECT g AS id, repeat(md5(g::text), 20) AS t"
            f" FROM generate_series(1, {rows}) g"
        )

    def drop_ballast(self) -> None:
        self.sql("DROP TABLE IF EXISTS ballast, written_later")

    def media(self, script: str) -> str:
        return self.kubectl("exec", "media-shell", "--", "sh", "-c", script).strip()

    def operator_pod(self) -> str:
        """The one that holds the Lease."""
        lease = self.cluster.get("lease", f"{NAME}-backup-operator", self.namespace)
        holder: str = lease["spec"].get("holderIdentity", "")
        return holder

    def kill_operator(self) -> None:
        self.kubectl("delete", "pod", self.operator_pod(), "--grace-period=0", "--force")

    def scale_operator(self, replicas: int) -> None:
        self.kubectl("scale", f"deploy/{NAME}-backup-operator", f"--replicas={replicas}")
        self.kubectl("rollout", "status", f"deploy/{NAME}-backup-operator", "--timeout=120s")

    def job_pods(self, purpose: str) -> list[str]:
        """Names of the running pods of Jobs of that purpose."""
        items = self.cluster.list("pods", self.namespace, f"sims.dev/purpose={purpose}")
        return [i["metadata"]["name"] for i in items if i["status"].get("phase") == "Running"]

    def wait_job_pod(self, purpose: str) -> str:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if found := self.job_pods(purpose):
                return found[0]
            time.sleep(0.2)
        raise AssertionError(f"no pod of a {purpose} Job came to run")


def values(cluster: Cluster) -> list[str]:
    """From SIMS_E2E_VALUES, or those of the release that `make kind-up` made."""
    if given := os.environ.get("SIMS_E2E_VALUES"):
        return ["--values", "charts/sims/values-kind.yaml", "--values", given]
    chosen = ["--values", "charts/sims/values-kind.yaml", "--set", "crds.enabled=false"]
    chosen += ["--set", "api.service.type=ClusterIP", "--set", "api.service.nodePort=null"]
    for component, key in (("api", "api"), ("worker", "worker"), ("backup-operator", "backup")):
        found = cluster.get("deployment", f"{NAME}-{component}", "sims")
        image = found["spec"]["template"]["spec"]["containers"][0]["image"]
        chosen += ["--set", f"{key}.image.tag={image.rpartition(':')[2]}"]
    return chosen


def _namespace(name: str) -> Resource:
    metadata = {"name": name, "labels": RESTRICTED}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _secret(name: str, text: dict[str, str]) -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": text,
    }


def _claim(name: str) -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def _shell() -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "media-shell"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": _POD_SECURITY,
            "containers": [
                {
                    "name": "shell",
                    "image": "postgres:17",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "infinity"],
                    "securityContext": _CONTAINER_SECURITY,
                    "volumeMounts": [{"name": "media", "mountPath": "/media"}],
                }
            ],
            "volumes": [{"name": "media", "persistentVolumeClaim": {"claimName": MEDIA}}],
        },
    }
