"""What the worker's side port says: servers, migrations, and whether the loops go round."""

from __future__ import annotations

import time
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from sims_common import metrics
from sims_common.health import Check, HealthReport, Outcome, report
from sims_common.logs import get_logger
from sims_core import migrate, outbox
from sims_core.jobs import DEFAULT_QUEUE
from sims_worker.heartbeat import Heartbeat

log = get_logger(__name__)

STALLED = 60.0  # seconds of silence
SHOWN_STATES = (*outbox.OPEN_STATES, "failed")


@dataclass(frozen=True)
class WorkerHealth:
    """Answers from an engine of its own, so that a busy pool does not look like an outage."""

    engine: Engine
    redis: Redis
    main_loop: Heartbeat
    dispatcher: Heartbeat

    def report(self) -> HealthReport:
        db, migrations = self._database()
        return report(
            {
                "db": db,
                "migrations": migrations,
                "redis": self._redis(),
                "main_loop": _alive(self.main_loop),
                "dispatcher": _alive(self.dispatcher),
            }
        )

    def alive(self) -> bool:
        """Whether both loops go round; a server that is away stops neither."""
        return max(self.main_loop.age, self.dispatcher.age) <= STALLED

    def collect(self) -> None:
        """Refreshes the heartbeats, and the gauges of the queues from PostgreSQL."""
        metrics.WORKER_LOOP_AGE.labels("main").set(self.main_loop.age)
        metrics.WORKER_LOOP_AGE.labels("dispatcher").set(self.dispatcher.age)
        with Session(self.engine) as session:
            found = outbox.queue_states(session)
        metrics.QUEUE_JOBS.clear()
        metrics.QUEUE_OLDEST.clear()
        for queue in {DEFAULT_QUEUE, *found}:
            state = found.get(queue, outbox.QueueState({}, 0.0))
            for name in SHOWN_STATES:
                metrics.QUEUE_JOBS.labels(queue, name).set(state.jobs.get(name, 0))
            metrics.QUEUE_OLDEST.labels(queue).set(state.oldest_seconds)

    def _database(self) -> tuple[Check, Check]:
        began = time.perf_counter()
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
                latency = _milliseconds(began)
                schema = migrate.schema(connection)
        except SQLAlchemyError as error:
            log.warning("database not reached", error=type(error).__name__)
            return Check(status="fail"), Check(status="fail")
        state: Outcome = "ok" if schema.fits else "fail"
        migrations = Check(status=state, pending_count=schema.pending)
        return Check(status="ok", latency_ms=latency), migrations

    def _redis(self) -> Check:
        began = time.perf_counter()
        try:
            self.redis.ping()
        except RedisError as error:
            log.warning("Redis not reached", error=type(error).__name__)
            return Check(status="fail")
        return Check(status="ok", latency_ms=_milliseconds(began))


def _alive(heartbeat: Heartbeat) -> Check:
    age = heartbeat.age
    return Check(status="ok" if age <= STALLED else "fail", age_seconds=round(age, 1))


def _milliseconds(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
