"""The job queues, from the two places that know them."""

from __future__ import annotations

from dataclasses import dataclass

from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from sims_cli.database import connected
from sims_common.settings import RedisSettings, load
from sims_core import jobs, outbox


@dataclass(frozen=True)
class QueueStats:
    """Jobs by state in PostgreSQL; ``redis`` by RQ's states, None when it does not answer."""

    name: str
    pending: int
    dispatched: int
    running: int
    failed: int
    oldest_seconds: float
    redis: dict[str, int] | None


def collect() -> list[QueueStats]:
    """Every queue that has open or failed jobs, and the default one."""
    with connected("sims rqstats") as engine, Session(engine) as session:
        states = outbox.queue_states(session)
        url = load(RedisSettings).redis_url.get_secret_value()
    names = sorted({jobs.DEFAULT_QUEUE, *states})
    transport = _from_redis(url, names)
    return [
        _stats(name, states.get(name, outbox.QueueState({}, 0.0)), transport.get(name))
        for name in names
    ]


def _stats(name: str, state: outbox.QueueState, redis: dict[str, int] | None) -> QueueStats:
    return QueueStats(
        name=name,
        pending=state.jobs.get("pending", 0),
        dispatched=state.jobs.get("dispatched", 0),
        running=state.jobs.get("running", 0),
        failed=state.jobs.get("failed", 0),
        oldest_seconds=round(state.oldest_seconds, 1),
        redis=redis,
    )


def _from_redis(url: str, names: list[str]) -> dict[str, dict[str, int]]:
    with jobs.connect(url) as connection:
        try:
            return {queue.name: queue.counts() for queue in jobs.queues(connection, names)}
        except RedisError:  # it may be down at any time; the rows then say so
            return {}
