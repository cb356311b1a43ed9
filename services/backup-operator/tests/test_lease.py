"""The Lease: one holds it, it is taken over when it is not renewed, and given back."""

from __future__ import annotations

from sims_backup_operator.kube import Kind
from sims_backup_operator.lease import Lease
from sims_backup_operator.testing.api import drive, unreachable
from sims_backup_operator.testing.cluster import Cluster


class Two:
    """Two replicas on one cluster, with one clock."""

    def __init__(self) -> None:
        self.cluster, self.clock = Cluster(), 1000.0
        self.one, self.two = self._lease("one"), self._lease("two")

    def _lease(self, identity: str) -> Lease:
        api, now = self.cluster.api, self.cluster.world.now
        return Lease(api, "lease", identity, 15.0, now, lambda: self.clock)

    def go(self, seconds: float) -> None:
        self.clock += seconds
        self.cluster.advance(seconds)


def test_one_holds_it_while_it_renews() -> None:
    both = Two()
    assert drive(both.one.try_once())
    for _ in range(20):
        both.go(3)
        assert not drive(both.two.try_once())
        assert drive(both.one.try_once())
    assert (both.one.held, both.two.held) == (True, False)


def test_it_is_taken_over_once_it_was_seen_unchanged_for_its_time() -> None:
    both = Two()
    assert drive(both.one.try_once())
    both.go(3600)
    assert not drive(both.two.try_once())
    both.go(14)
    assert not drive(both.two.try_once())
    both.go(2)
    assert drive(both.two.try_once())
    assert not drive(both.one.try_once())


def test_who_cannot_renew_no_longer_holds_it_before_another_may_take_it() -> None:
    both = Two()
    assert drive(both.one.try_once())
    both.cluster.api.fault = unreachable
    both.go(15)
    assert not both.one.held


def test_given_back_it_is_free_at_once() -> None:
    both = Two()
    assert drive(both.one.try_once())
    drive(both.one.release())
    assert drive(both.two.try_once())
    holder = both.cluster.api.objects[Kind.LEASE, "lease"]["spec"]["holderIdentity"]
    assert holder == "two"
