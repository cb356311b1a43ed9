"""The release under test: installed once, shared by the tests, reached through an Ingress."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import yaml

from .cluster import ROOT, Cluster, Resource, eventually, is_ready
from .mailbox import Mailbox

NAMESPACE = "sims-e2e"
NAME = "sims"
HOST = "sims.e2e.test"
CHART = "charts/sims"
SAMPLES = ROOT / "k8s" / "samples"
STUDENTS = 40
LOGINS = "demo-logins"


@dataclass
class Release:
    """``url``: of the Ingress controller; ``values``: options of every `helm upgrade`."""

    cluster: Cluster
    url: str
    values: list[str]
    namespace: str = NAMESPACE
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def mailbox(self) -> Mailbox:
        return Mailbox(self.cluster, self.namespace)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments, stdin=stdin)

    def helm(self, command: str, *arguments: str) -> str:
        return self.cluster.helm(command, *arguments, "--namespace", self.namespace)

    def upgrade(self, *options: str, chart: str = CHART) -> None:
        """Installs or upgrades; ``options`` come after the ones that all share."""
        waiting = ("--wait", "--timeout", "5m")
        self.helm("upgrade", NAME, chart, "--install", *self.values, *waiting, *options)

    @property
    def revision(self) -> int:
        history = json.loads(self.helm("history", NAME, "--max", "1", "--output", "json"))
        return int(history[-1]["revision"])

    def rollback(self, revision: int) -> None:
        self.helm("rollback", NAME, str(revision), "--wait", "--timeout", "5m")

    def pods(self, *components: str) -> list[Resource]:
        """Those of the components that are not on their way out."""
        wanted = f"app.kubernetes.io/component in ({','.join(components)})"
        selector = f"app.kubernetes.io/instance={NAME},{wanted}"
        found = self.cluster.list("pods", self.namespace, selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def all_ready(self, *components: str) -> bool:
        pods = self.pods(*components)
        there = {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods}
        return there == set(components) and all(is_ready(pod) for pod in pods)

    def wait_ready(self, *components: str, timeout: float = 180) -> None:
        eventually(
            f"{', '.join(components)} ready",
            lambda: self.all_ready(*components),
            timeout=timeout,
        )

    def exec(self, target: str, *command: str) -> str:
        return self.kubectl("exec", target, "--", *command)

    def keep_hooks(self, *kinds: str) -> list[str]:
        """What comes and goes with hooks stays for a test; gives kind/name of each."""
        documents = yaml.safe_load_all(self.helm("get", "hooks", NAME))
        hooks = [found for found in documents if found and found["kind"] in kinds]
        for hook in hooks:
            hook["metadata"].pop("annotations", None)
            self.cluster.apply(hook, self.namespace)
        return [f"{hook['kind']}/{hook['metadata']['name']}" for hook in hooks]

    def sql(self, statement: str) -> str:
        """One value from the release's own database."""
        psql = ("psql", "-U", "postgres", "-d", "sims", "--tuples-only", "--no-align", "-c")
        return self.exec(f"{NAME}-postgresql-0", *psql, statement).strip()

    def scale(self, target: str, replicas: int) -> None:
        self.kubectl("scale", target, f"--replicas={replicas}")

    @contextmanager
    def away(self, component: str) -> Iterator[None]:
        """Kills the component's one pod and lets no new one come, during the block."""
        target = f"statefulset/{NAME}-{component}"
        self.scale(target, 0)
        gone = f"pod/{NAME}-{component}-0"
        self.kubectl("delete", gone, "--grace-period=0", "--force", "--ignore-not-found")
        try:
            yield
        finally:
            self.scale(target, 1)

    def seed(self) -> None:
        """Demo data; the logins are kept in a Secret for a run that finds the release there."""
        if self.cluster.has("secret", LOGINS, self.namespace):
            data = self.cluster.get("secret", LOGINS, self.namespace)["data"]
            self.passwords = {k: base64.b64decode(v).decode() for k, v in data.items()}
            return
        command = ("sims", "seed", "--students", str(STUDENTS), "--output", "json")
        done = json.loads(self.exec(f"deploy/{NAME}-api", *command))
        self.passwords = {user["username"]: user["password"] for user in done["users"]}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": LOGINS}}
        self.cluster.apply({**secret, "stringData": self.passwords}, self.namespace)

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Host": HOST, **headers}, timeout=30)

    def token(self, user: str) -> str:
        with self.client() as client:
            body = {"identifier": user.upper(), "password": self.passwords[user]}
            answer = client.post("/api/auth/login/", json=body)
        assert answer.status_code == 200, answer.text
        access: str = answer.json()["tokens"]["access"]
        return access

    @contextmanager
    def sign_in(self, user: str) -> Iterator[httpx.Client]:
        with self.client(Authorization=f"Bearer {self.token(user)}") as client:
            yield client

    def healthy(self) -> bool:
        with self.client() as client:
            return client.get("/api/health/").status_code == 200


def options(cluster: Cluster) -> list[str]:
    """What every installation of the tests is given."""
    if given := os.environ.get("SIMS_E2E_VALUES"):
        return ["--values", given, "--set", f"ingress.host={HOST}"]
    if not cluster.has("deployment", f"{NAME}-api", "sims"):
        raise AssertionError("The images are not in the cluster. Run `make kind-up` first.")
    chosen = ["--values", f"{CHART}/values-kind.yaml", "--values", "tests/e2e/values.yaml"]
    for service in ("api", "worker"):
        deployment = cluster.get("deployment", f"{NAME}-{service}", "sims")
        image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        chosen += ["--set", f"{service}.image.tag={image.rpartition(':')[2]}"]
    operator = cluster.get("deployment", f"{NAME}-backup-operator", "sims")
    image = operator["spec"]["template"]["spec"]["containers"][0]["image"]
    chosen += ["--set", f"backup.image.tag={image.rpartition(':')[2]}"]
    if cluster.has("crd", "podmonitors.monitoring.coreos.com"):
        chosen += ["--set", "monitoring.podMonitor.enabled=true"]
        chosen += ["--set", "monitoring.prometheusRule.enabled=true"]
    return chosen


def image_of(release: Release, service: str) -> str:
    found = release.cluster.get("deployment", f"{NAME}-{service}", release.namespace)
    image: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
    return image
