"""A cluster in memory: the fake API, a Job controller and kubelet in one, the fake engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sims_backup.contract.events import Progress, line
from sims_backup.contract.exits import Exit
from sims_backup_operator.crds.common import API_VERSION
from sims_backup_operator.kube import Kind, Object
from sims_backup_operator.reconcile import backup, fence, restore, schedule, storage
from sims_backup_operator.runs import is_finished
from sims_backup_operator.settings import JobShape, SecretKey
from sims_backup_operator.testing.api import Crash, FakeApi, drive
from sims_backup_operator.testing.engine import FakeEngine
from sims_backup_operator.world import MODELS, World

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RECONCILE: dict[Kind, Any] = {
    Kind.BACKUP: backup.reconcile,
    Kind.SCHEDULE: schedule.reconcile,
    Kind.RESTORE: restore.reconcile,
    Kind.STORAGE: storage.reconcile,
}
SHAPE = JobShape(
    image="sims-backup:test",
    service_account="sims-backup-jobs",
    database_url=SecretKey(name="sims-database", key="url"),
    media_claim="sims-media",
    scale_down=["api"],
)
_QUIET = 600.0
How = Literal["succeed", "fail", "die", "publish-and-die", "vanish"]


class Cluster:
    """Time stands still unless ``advance`` is called."""

    def __init__(self, shape: JobShape = SHAPE) -> None:
        self.time = START
        self.api = FakeApi(lambda: self.time)
        self.engine = FakeEngine(lambda: self.time)
        self.world = World(self.api, shape, "school", lambda: self.time)
        self.api.put(Kind.CONFIG_MAP, {"metadata": {"name": fence.LEDGER}})
        self.deployment("api", 3)

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def make(
        self, kind: Kind, name: str, spec: Object, labels: dict[str, str] | None = None
    ) -> Object:
        body = {
            "apiVersion": API_VERSION,
            "kind": MODELS[kind].__name__,
            "metadata": {"name": name, "labels": labels or {}},
            "spec": spec,
        }
        return self.api.put(kind, body)

    def deployment(self, name: str, replicas: int) -> None:
        """Its pods stop at once when it is scaled to 0."""
        spec = {"replicas": replicas}
        self.api.put(Kind.DEPLOYMENT, {"metadata": {"name": name}, "spec": spec})

    def replicas(self, name: str) -> int:
        return int(self.api.objects[Kind.DEPLOYMENT, name]["spec"]["replicas"])

    def reconcile(self, kind: Kind, name: str) -> float | None:
        """One look, as the queue gives it. A ``Crash`` passes through."""
        found = drive(self.world.read(MODELS[kind], name))
        if found is None:
            return None
        after: float | None = drive(RECONCILE[kind](self.world, found))
        return after

    @contextmanager
    def crash_at(self, moment: int) -> Iterator[None]:
        """The operator dies at its n-th call to the API; ."""
        calls = 0

        def fault(_: str) -> None:
            nonlocal calls
            calls += 1
            if calls == moment:
                raise Crash

        self.api.fault = fault
        yield
        self.api.fault = lambda _moment: None

    def status(self, kind: Kind, name: str) -> Object:
        found: Object = self.api.objects[kind, name].get("status", {})
        return found

    def probe(self, storage: str) -> None:
        """Time goes on to the next probe, and its result is in."""
        self.advance(301)
        self.reconcile(Kind.STORAGE, storage)
        for name in self.open_jobs():
            if "-probe" in name:
                self.finish(name)
        self.reconcile(Kind.STORAGE, storage)

    # jobs ---------------------------------------------------------------------

    def open_jobs(self) -> list[str]:
        found = [job for job in self.api.all(Kind.JOB) if not is_finished(job)]
        return sorted(job["metadata"]["name"] for job in found)

    def start(self, name: str, stage: str = "upload") -> None:
        """The Job's pod runs and tells of progress."""
        pod = self._pod(name)
        pod["status"] = {"containerStatuses": [{"state": {"running": {}}}]}
        self.api.write(Kind.POD, pod["metadata"]["name"], pod)
        event = Progress(at=self.time, verb="backup", stage=stage, state="running", bytes=5)
        self.api.logs[pod["metadata"]["name"]] = "not an event\n" + line(event)

    def finish(self, name: str, how: How = "succeed") -> None:
        """Ends a Job; ``vanish`` removes it with its pod, its work done or not."""
        job = self.api.objects[Kind.JOB, name]
        arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
        if how == "vanish":
            self.api.remove(Kind.JOB, name)
            return
        if how == "fail":
            done = (int(Exit.NO_SPACE), "the disk is full", None)
        elif how in {"succeed", "publish-and-die"}:
            done = self.engine.run(arguments)
        else:
            done = (0, "", None)
        if how in {"die", "publish-and-die"}:
            self._end_pod(name, 137, "")
            self._condition(name, "Failed", "BackoffLimitExceeded")
            return
        self._end_pod(name, done[0], self.engine.outcome(arguments[0], done))
        self._condition(name, "Failed" if done[0] else "Complete", "")

    def time_out(self, name: str) -> None:
        self._condition(name, "Failed", "DeadlineExceeded")

    def _pod(self, name: str) -> Object:
        found = self.api.objects.get((Kind.POD, f"{name}-x"))
        if found is not None:
            return found
        job = self.api.objects[Kind.JOB, name]
        labels = {"batch.kubernetes.io/job-name": name}
        owner = {"uid": job["metadata"]["uid"], "kind": "Job", "name": name}
        metadata = {"name": f"{name}-x", "labels": labels, "ownerReferences": [owner]}
        return self.api.put(Kind.POD, {"metadata": metadata})

    def _end_pod(self, name: str, code: int, text: str) -> None:
        pod = self._pod(name)
        ended = {"exitCode": code, "message": text[:4096]}
        pod["status"] = {"containerStatuses": [{"state": {"terminated": ended}}]}
        self.api.logs[pod["metadata"]["name"]] = text
        self.api.write(Kind.POD, pod["metadata"]["name"], pod)

    def _condition(self, name: str, kind: str, reason: str) -> None:
        job = self.api.objects[Kind.JOB, name]
        stamp = self.time.strftime("%Y-%m-%dT%H:%M:%SZ")
        condition = {
            "type": kind,
            "status": "True",
            "reason": reason,
            "lastTransitionTime": stamp,
        }
        job["status"] = {"conditions": [condition]}
        self.api.write(Kind.JOB, name, job)

    def settle(self, rounds: int = 200, seconds: float = 60) -> None:
        """Everybody works without faults until nothing has changed for ten minutes."""
        quiet = 0
        for _ in range(rounds):
            before = len(self.api.changes)
            for kind in RECONCILE:
                for item in self.api.all(kind):
                    if (kind, item["metadata"]["name"]) in self.api.objects:
                        self.reconcile(kind, item["metadata"]["name"])
            for name in self.open_jobs():
                self.finish(name)
            drive(fence.lift_orphans(self.world))
            self.advance(seconds)
            kinds = {kind for kind, _, _ in self.api.changes[before:]}
            quiet = 0 if kinds & {Kind.BACKUP, Kind.RESTORE, Kind.DEPLOYMENT} else quiet + 1
            if quiet * seconds > _QUIET:
                return
