"""Random histories of jobs, dispatchers, queues and workers that die at any point.

Whatever happens: no job is lost, none is held by two workers, each ends once.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session
from typing_extensions import override

from sims_core import leases, outbox
from sims_core.jobs import GenerateAndEmailTranscript
from sims_core.leases import MAX_CRASHES, Lease
from sims_core.models import Outbox

pick = st.integers(0, 10**6)


class Histories(RuleBasedStateMachine):
    """``queue`` stands for Redis. ``runs`` are all leases ever given, ``live`` those of workers
    that have not been silent: theirs nobody may take.
    """

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.queue: list[uuid.UUID] = []
        self.runs: list[Lease] = []
        self.live: dict[uuid.UUID, Lease] = {}
        self.jobs: set[uuid.UUID] = set()
        self.ends: Counter[uuid.UUID] = Counter()
        self.quarantined: set[uuid.UUID] = set()
        with self.begin() as session:
            session.execute(text("TRUNCATE outbox CASCADE"))

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with Session(self.engine) as session, session.begin():
            yield session

    @rule()
    def ask(self) -> None:
        job = outbox.new_job(GenerateAndEmailTranscript(request_id=uuid.uuid4()), request_id="r")
        self.jobs.add(job.id)
        with self.begin() as session:
            session.add(job)

    @rule(crash=st.sampled_from(["no", "before put", "after put"]))
    def dispatch(self, crash: str) -> None:
        with Session(self.engine) as session:
            due = outbox.due(session, limit=2)
            if crash != "before put":
                self.queue.extend(id_ for id_, _ in due)
            if crash == "no":
                session.commit()

    @precondition(lambda self: self.queue)
    @rule(which=pick, crash=st.booleans())
    def start(self, which: int, crash: bool) -> None:
        id_ = self.queue.pop(which % len(self.queue))
        if crash:
            return  # the worker died with the id in its hands
        with self.begin() as session:
            lease = leases.claim(session, id_, worker="w")
        if lease is not None:
            assert id_ not in self.live, "a second worker runs a job that another holds"
            assert id_ not in self.ends, "a job that has ended runs again"
            self.runs.append(lease)
            self.live[id_] = lease

    @precondition(lambda self: self.runs)
    @rule(which=pick, how=st.sampled_from(["finish", "fail", "retry", "release", "extend"]))
    def act(self, which: int, how: str) -> None:
        """Any worker that ever had a lease may still believe that it has it."""
        lease = self.runs[which % len(self.runs)]
        with self.begin() as session:
            held = leases.holds(session, lease)
            done = _act(session, lease, how)
        assert done == held
        if self.live.get(lease.id) == lease:
            assert held, "a live worker lost its job"
        if held and how == "extend":
            self.live[lease.id] = lease
        elif held:
            self.live.pop(lease.id, None)
            if how in ("finish", "fail"):
                self.ends[lease.id] += 1

    @rule()
    def fall_silent(self) -> None:
        """All workers at once: their leases run out."""
        self.live.clear()
        with self.begin() as session:
            _age(session, "running", leased_until=func.now() - timedelta(seconds=1))

    @rule()
    def recover(self) -> None:
        with self.begin() as session:
            found = leases.recover(session)
            for lease in self.live.values():
                assert leases.holds(session, lease), "a live worker lost its job"
        self.quarantined.update(found.quarantined)
        self.ends.update(found.quarantined)

    @rule()
    def lose_the_queue(self) -> None:
        self.queue.clear()

    @rule(careless=st.booleans())
    def look_for_lost_jobs(self, careless: bool) -> None:
        """``careless``: what waits is put back too, as when a worker is just taking it."""
        with self.begin() as session:
            _age(session, "dispatched", dispatched_at=func.now() - 2 * outbox.LOST_AFTER)
        with self.begin() as session:
            overdue = outbox.overdue(session)
            outbox.put_back(session, overdue if careless else overdue - set(self.queue))

    @invariant()
    def each_job_ends_once(self) -> None:
        assert all(number <= 1 for number in self.ends.values())

    @override
    def teardown(self) -> None:
        """Now everything works again: each job must come to its end."""
        for _ in range(len(self.jobs) + MAX_CRASHES):
            self.fall_silent()
            self.recover()
            self.look_for_lost_jobs(careless=False)
            self.dispatch("no")
            first = len(self.runs)
            while self.queue:
                self.start(0, crash=False)
            for number in range(first, len(self.runs)):
                self.act(number, "finish")
            if set(self.ends) == self.jobs:
                break
        assert set(self.ends) == self.jobs
        with self.begin() as session:
            rows = session.scalars(select(Outbox)).all()
            assert {row.state for row in rows} <= {"finished", "failed"}
            crashed = {row.id for row in rows if row.crashes >= MAX_CRASHES}
        assert crashed == self.quarantined


def _act(session: Session, lease: Lease, how: str) -> bool:
    match how:
        case "finish":
            return leases.finish(session, lease)
        case "fail":
            return leases.fail(session, lease, "x")
        case "retry":
            return leases.retry_later(session, lease, "x", timedelta(0))
        case "release":
            return leases.release(session, lease)
        case _:
            return leases.extend(session, lease)


def _age(session: Session, state: str, **values: object) -> None:
    session.execute(update(Outbox).where(Outbox.state == state).values(**values))


def test_no_history_loses_doubles_or_reopens_a_job(engine: Engine) -> None:
    Histories.engine = engine
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            # 25 steps can be read as they are; shrinking them takes minutes.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
        ),
    )
