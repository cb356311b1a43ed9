"""The adapter to RQ, against a real Valkey."""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Iterator

import pytest
from redis import Redis

from sims_core import jobs
from sims_core.jobs import JobName, JobQueue


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with jobs.connect(redis_url) as found:
        yield found


def test_ids_go_in_order_and_as_json(redis: Redis) -> None:
    queue = JobQueue(redis)
    ids = [uuid.uuid4() for _ in range(3)]

    queue.put([(id_, JobName.GENERATE_AND_EMAIL_TRANSCRIPT) for id_ in ids])

    assert queue.rq.get_job_ids() == [str(id_) for id_ in ids]
    assert queue.waiting() == set(ids)
    stored = redis.hget(f"rq:job:{ids[0]}", "data")
    assert isinstance(stored, bytes)
    assert json.loads(zlib.decompress(stored)) == [
        "sims_worker.jobs.generate_and_email_transcript",
        None,
        [str(ids[0])],
        {},
    ]


def test_putting_nothing_does_nothing(redis: Redis) -> None:
    JobQueue(redis).put([])

    assert redis.dbsize() == 0


def test_a_second_put_forgets_that_rq_thought_it_failed(redis: Redis) -> None:
    queue, id_ = JobQueue(redis), uuid.uuid4()
    redis.zadd(queue.rq.failed_job_registry.key, {str(id_): 9e9})
    assert queue.counts() == {"queued": 0, "started": 0, "failed": 1}

    queue.put([(id_, JobName.GENERATE_AND_EMAIL_TRANSCRIPT)])

    assert queue.counts() == {"queued": 1, "started": 0, "failed": 0}


def test_the_queue_has_room_until_its_limit(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "QUEUE_LIMIT", 3)
    queue = JobQueue(redis)
    assert queue.room() == 3

    queue.put([(uuid.uuid4(), JobName.GENERATE_AND_EMAIL_TRANSCRIPT) for _ in range(4)])

    assert queue.room() == 0
