"""Random histories: users, faults, deaths of operator and pods at any moment; then peace.

What must hold, whatever happened: a phase never goes back, an ended object stays as it is,
a slot has one Backup, a request is swapped once. And once peace has come: every object has
ended, every Deployment is what it was.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from sims_backup_operator.kube import ApiError, Kind
from sims_backup_operator.reconcile import fence
from sims_backup_operator.resources.names import SCHEDULE, SLOT
from sims_backup_operator.status import TERMINAL, check_phase
from sims_backup_operator.testing.api import Crash, drive
from sims_backup_operator.testing.cluster import RECONCILE, Cluster

HOW = st.sampled_from(["succeed", "succeed", "fail", "die", "publish-and-die", "vanish"])
MODES = st.sampled_from(["Plan", "Drill", "Swap", "Swap"])
POLICY = st.sampled_from(["Forbid", "Allow", "Replace"])
FROZEN = ("phase", "reason", "setId", "completedAt", "attempt", "sizeBytes")


class Machine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.cluster = Cluster()
        self.number = 0
        self.read_changes = 0
        self.last: dict[str, dict[str, Any]] = {}
        self.cluster.make(Kind.STORAGE, "s3", {"s3": {"bucket": "school-backups"}})
        self.cluster.probe("s3")

    # users ------------------------------------------------------------------

    @rule(policy=st.sampled_from(["Retain", "Delete"]), retries=st.integers(0, 2))
    def ask_for_a_backup(self, policy: str, retries: int) -> None:
        spec = {"storageRef": {"name": "s3"}, "deletionPolicy": policy, "retries": retries}
        self.cluster.make(Kind.BACKUP, self._name("b"), spec)

    @precondition(lambda self: not self.cluster.api.all(Kind.SCHEDULE))
    @rule(policy=POLICY, retention=st.booleans(), drill=st.booleans())
    def make_a_schedule(self, policy: str, retention: bool, drill: bool) -> None:
        spec: dict[str, Any] = {
            "schedule": "*/30 * * * *",
            "concurrencyPolicy": policy,
            "template": {"storageRef": {"name": "s3"}},
        }
        if retention:
            spec["retention"] = {"days": 1}
        if drill:
            spec["drill"] = {"everyNth": 2}
        self.cluster.make(Kind.SCHEDULE, self._name("s"), spec)

    @precondition(lambda self: self._completed())
    @rule(mode=MODES, data=st.data())
    def ask_for_a_restore(self, mode: str, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self._completed()))
        spec: dict[str, Any] = {"mode": mode, "backupRef": {"name": name}}
        if mode == "Swap":
            spec["confirm"] = "sims"
        self.cluster.make(Kind.RESTORE, self._name("r"), spec)

    @precondition(lambda self: self.cluster.api.all(Kind.RESTORE))
    @rule(data=st.data())
    def ask_for_an_undo(self, data: st.DataObject) -> None:
        names = sorted(i["metadata"]["name"] for i in self.cluster.api.all(Kind.RESTORE))
        name = data.draw(st.sampled_from(names))
        if self.cluster.api.objects[Kind.RESTORE, name]["spec"]["mode"] == "Swap":
            self.cluster.api.edit(Kind.RESTORE, name, {"undo": True})

    @precondition(lambda self: self.cluster.api.all(Kind.BACKUP))
    @rule(data=st.data(), kind=st.sampled_from([Kind.BACKUP, Kind.RESTORE]))
    def delete_something(self, data: st.DataObject, kind: Kind) -> None:
        names = sorted(i["metadata"]["name"] for i in self.cluster.api.all(kind))
        if names:
            self.cluster.api.remove(kind, data.draw(st.sampled_from(names)))

    # the world ----------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 12, 61, 301, 1900, 9000]))
    def time_goes_on(self, seconds: int) -> None:
        self.cluster.advance(seconds)

    @rule(up=st.booleans())
    def the_store_comes_and_goes(self, up: bool) -> None:
        self.cluster.engine.store_up = up

    @precondition(lambda self: self.cluster.open_jobs())
    @rule(data=st.data(), how=HOW, begins=st.booleans())
    def a_job_goes_on(self, data: st.DataObject, how: Any, begins: bool) -> None:
        name = data.draw(st.sampled_from(self.cluster.open_jobs()))
        if begins:
            self.cluster.start(name, data.draw(st.sampled_from(["upload", "publish", "load"])))
        else:
            self.cluster.finish(name, how)

    # the operator -------------------------------------------------------------

    @rule()
    def everything_is_looked_at(self) -> None:
        for kind, name in self._keys():
            self.cluster.reconcile(kind, name)
        drive(fence.lift_orphans(self.cluster.world))

    @rule(data=st.data(), moment=st.integers(1, 25), away=st.booleans())
    def a_look_ends_at_any_call(self, data: st.DataObject, moment: int, away: bool) -> None:
        kind, name = data.draw(st.sampled_from(self._keys()))
        calls = 0

        def fault(_: str) -> None:
            nonlocal calls
            calls += 1
            if calls >= moment:
                raise ApiError("connection refused") if away else Crash

        self.cluster.api.fault = fault
        try:
            self.cluster.reconcile(kind, name)
        except (Crash, ApiError):
            calls = 0
        finally:
            self.cluster.api.fault = lambda _moment: None

    # what must hold -----------------------------------------------------------

    @invariant()
    def phases_only_rise(self) -> None:
        fresh = self.cluster.api.changes[self.read_changes :]
        self.read_changes = len(self.cluster.api.changes)
        for kind, _, body in fresh:
            if kind not in {Kind.BACKUP, Kind.RESTORE}:
                continue
            uid, status = body["metadata"]["uid"], body.get("status", {})
            before = self.last.get(uid, {})
            check_phase(before.get("phase", ""), status.get("phase", ""))
            if before.get("phase") in TERMINAL:
                assert [before.get(f) for f in FROZEN] == [status.get(f) for f in FROZEN]
            self.last[uid] = status

    @invariant()
    def a_slot_has_one_backup(self) -> None:
        labels = [i["metadata"].get("labels", {}) for i in self.cluster.api.all(Kind.BACKUP)]
        slots = [(i[SCHEDULE], i[SLOT]) for i in labels if SLOT in i]
        assert len(slots) == len(set(slots))

    @invariant()
    def a_request_is_swapped_once(self) -> None:
        engine = self.cluster.engine
        assert len(engine.swaps) == len(set(engine.swaps))
        assert len(engine.undos) == len(set(engine.undos))

    @override
    def teardown(self) -> None:
        """Peace."""
        if not hasattr(self, "cluster"):
            return
        cluster = self.cluster
        cluster.engine.store_up = True
        for item in cluster.api.all(Kind.SCHEDULE):
            cluster.api.edit(Kind.SCHEDULE, item["metadata"]["name"], {"suspend": True})
        cluster.settle()
        self.phases_only_rise()
        for kind in (Kind.BACKUP, Kind.RESTORE):
            for item in cluster.api.all(kind):
                assert item["status"]["phase"] in TERMINAL, item
                if item["spec"].get("undo"):
                    assert item["status"]["undo"]["phase"] in TERMINAL, item
        assert cluster.replicas("api") == 3
        assert drive(fence.entries(cluster.world)) == {}
        completed = {
            item["status"]["setId"]
            for item in cluster.api.all(Kind.BACKUP)
            if item["status"]["phase"] == "Completed"
        }
        assert completed == set(cluster.engine.sets)

    def _name(self, letter: str) -> str:
        self.number += 1
        return f"{letter}{self.number}"

    def _keys(self) -> list[tuple[Kind, str]]:
        return [
            (kind, item["metadata"]["name"])
            for kind in RECONCILE
            for item in self.cluster.api.all(kind)
        ]

    def _completed(self) -> list[str]:
        return sorted(
            item["metadata"]["name"]
            for item in self.cluster.api.all(Kind.BACKUP)
            if item.get("status", {}).get("phase") == "Completed"
        )


def _run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_random_histories() -> None:
    _run(examples=25, steps=30)


@pytest.mark.long
def test_ten_thousand_histories() -> None:
    _run(examples=10_000, steps=30)
