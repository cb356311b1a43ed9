"""Single steps of a job's life, each in PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from sims_core import leases, outbox
from sims_core.jobs import BatchGenerateTranscripts, GenerateAndEmailTranscript
from sims_core.models import Outbox

WORKER = "test"


@pytest.fixture
def add_job(engine: Engine) -> Callable[[], uuid.UUID]:
    def add() -> uuid.UUID:
        job = outbox.new_job(GenerateAndEmailTranscript(request_id=uuid.uuid4()), request_id="r1")
        with Session(engine, expire_on_commit=False) as session, session.begin():
            session.add(job)
        return job.id

    return add


def row(session: Session, id_: uuid.UUID) -> Outbox:
    return session.scalars(
        select(Outbox).where(Outbox.id == id_).execution_options(populate_existing=True)
    ).one()


def claimed(session: Session, id_: uuid.UUID) -> leases.Lease:
    lease = leases.claim(session, id_, worker=WORKER)
    assert lease is not None
    session.commit()
    return lease


def age(session: Session, id_: uuid.UUID, column: str, by: timedelta) -> None:
    session.execute(
        update(Outbox).where(Outbox.id == id_).values({column: Outbox.__table__.c[column] - by})
    )
    session.commit()


def test_a_job_and_its_payload_come_back_as_they_went(session: Session) -> None:
    ids = [uuid.uuid4(), uuid.uuid4()]
    job = outbox.new_job(BatchGenerateTranscripts(request_ids=ids), request_id="req-7")
    session.add(job)
    session.commit()

    lease = claimed(session, job.id)

    assert lease.payload() == BatchGenerateTranscripts(request_ids=ids)
    assert (lease.job, lease.request_id) == ("batch_generate_transcripts", "req-7")
    assert (lease.attempts, lease.crashes) == (1, 0)


def test_a_payload_of_another_version_is_claimed_and_then_named(
    session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    id_ = add_job()
    session.execute(update(Outbox).values(payload={"job": "of the future", "x": 1}))

    lease = claimed(session, id_)

    with pytest.raises(ValidationError):
        lease.payload()


def test_an_insert_notifies_when_it_commits(engine: Engine, session: Session) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as listening:
        listening.execute(text(f"LISTEN {outbox.CHANNEL}"))
        driver = listening.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        session.add(
            outbox.new_job(GenerateAndEmailTranscript(request_id=uuid.uuid4()), request_id="r")
        )
        session.flush()
        assert list(driver.notifies(timeout=0.2)) == []

        session.commit()

        assert [n.channel for n in driver.notifies(timeout=5, stop_after=1)] == [outbox.CHANNEL]


def test_due_jobs_are_dispatched_once_and_up_to_the_limit(
    session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    ids = [add_job() for _ in range(3)]

    first = outbox.due(session, limit=2)
    second = outbox.due(session, limit=2)
    session.commit()

    assert [id_ for id_, _ in first + second] == ids
    assert {job for _, job in first} == {"generate_and_email_transcript"}
    assert outbox.due(session) == []
    assert outbox.due(session, queue="other") == []


def test_two_dispatchers_do_not_wait_for_each_other(
    engine: Engine, session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    id_ = add_job()
    assert [found for found, _ in outbox.due(session)] == [id_]  # not committed yet

    with Session(engine) as other:
        other.execute(text("SET lock_timeout = '1s'"))
        assert outbox.due(other) == []


def test_only_one_claim_succeeds(session: Session, add_job: Callable[[], uuid.UUID]) -> None:
    id_ = add_job()

    claimed(session, id_)

    assert leases.claim(session, id_, worker="other") is None
    assert leases.claim(session, uuid.uuid4(), worker="other") is None


def test_a_job_in_backoff_cannot_be_claimed_through_a_stale_id(
    session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    id_ = add_job()
    assert leases.retry_later(session, claimed(session, id_), "later", timedelta(minutes=5))
    session.commit()

    assert leases.claim(session, id_, worker="other") is None
    assert outbox.due(session) == []

    age(session, id_, "available_at", timedelta(minutes=6))
    lease = claimed(session, id_)
    assert lease.attempts == 2


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_an_ended_job_stays_ended(
    session: Session, add_job: Callable[[], uuid.UUID], state: str
) -> None:
    id_ = add_job()
    lease = claimed(session, id_)
    end = (
        leases.finish(session, lease)
        if state == "finished"
        else leases.fail(session, lease, "why " * 500)
    )
    session.commit()

    assert end
    assert not leases.holds(session, lease)
    assert not leases.extend(session, lease)
    assert not leases.finish(session, lease)
    assert not leases.release(session, lease)
    assert leases.claim(session, id_, worker=WORKER) is None
    found = row(session, id_)
    assert (found.state, found.lease, found.leased_until) == (state, None, None)
    assert found.finished_at is not None
    assert found.error is None or len(found.error) == 500


def test_release_makes_the_job_due_at_once_and_counts_no_attempt(
    session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    id_ = add_job()
    assert leases.release(session, claimed(session, id_))
    session.commit()

    assert [found for found, _ in outbox.due(session)] == [id_]
    assert claimed(session, id_).attempts == 1


def test_a_dead_workers_job_goes_on_and_its_worker_is_fenced_off(
    session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    id_ = add_job()
    dead = claimed(session, id_)
    assert leases.recover(session) == leases.Recovered(0, [])
    age(session, id_, "leased_until", leases.LEASE * 2)

    assert leases.recover(session) == leases.Recovered(1, [])
    session.commit()
    alive = claimed(session, id_)

    assert alive.crashes == 1
    assert not leases.extend(session, dead)
    assert not leases.finish(session, dead)
    assert not leases.retry_later(session, dead, "x", timedelta(0))
    assert leases.extend(session, alive)
    assert leases.finish(session, alive)


def test_an_extended_lease_is_not_recovered(
    session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    id_ = add_job()
    lease = claimed(session, id_)
    age(session, id_, "leased_until", leases.LEASE * 2)

    assert leases.extend(session, lease)
    session.commit()

    assert leases.recover(session) == leases.Recovered(0, [])


def test_a_job_that_kills_its_workers_is_quarantined(
    session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    id_ = add_job()
    for _ in range(leases.MAX_CRASHES - 1):
        claimed(session, id_)
        age(session, id_, "leased_until", leases.LEASE * 2)
        assert leases.recover(session).resumed == 1
        session.commit()
    claimed(session, id_)
    age(session, id_, "leased_until", leases.LEASE * 2)

    assert leases.recover(session) == leases.Recovered(0, [id_])
    session.commit()

    found = row(session, id_)
    assert (found.state, found.error) == ("failed", leases.QUARANTINED)
    assert found.finished_at is not None
    assert leases.claim(session, id_, worker=WORKER) is None


def test_what_a_wiped_queue_lost_is_due_again(
    session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    lost, running = add_job(), add_job()
    outbox.due(session)
    session.commit()
    assert outbox.overdue(session) == set()
    for id_ in (lost, running):
        age(session, id_, "dispatched_at", outbox.LOST_AFTER * 2)
    assert outbox.overdue(session) == {lost, running}
    claimed(session, running)  # between the look and the putting back

    assert outbox.put_back(session, {lost, running}) == 1
    session.commit()

    assert [found for found, _ in outbox.due(session)] == [lost]


def test_the_fence_holds_until_the_transaction_ends(
    engine: Engine, session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    id_ = add_job()
    lease = claimed(session, id_)
    age(session, id_, "leased_until", leases.LEASE * 2)
    assert leases.holds(session, lease)

    with Session(engine) as other:
        other.execute(text("SET lock_timeout = '100ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            leases.recover(other)
    session.commit()

    with Session(engine) as other, other.begin():
        assert leases.recover(other).resumed == 1
    assert not leases.holds(session, lease)


def test_queue_states_count_what_waits_runs_and_failed(
    session: Session, add_job: Callable[[], uuid.UUID]
) -> None:
    assert outbox.queue_states(session) == {}
    waiting, dispatched, running, failed, finished = (add_job() for _ in range(5))
    age(session, waiting, "available_at", timedelta(seconds=90))
    for id_, end in ((failed, leases.fail), (finished, None)):
        lease = claimed(session, id_)
        assert end(session, lease, "x") if end else leases.finish(session, lease)
    claimed(session, running)
    session.execute(update(Outbox).where(Outbox.id == dispatched).values(state="dispatched"))

    found = outbox.queue_states(session)

    assert found["default"].jobs == {"pending": 1, "dispatched": 1, "running": 1, "failed": 1}
    assert 90 <= found["default"].oldest_seconds < 120
