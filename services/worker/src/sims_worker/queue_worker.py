"""RQ's worker, in this process and in the main thread (ADR 0003 says why not forked).

RQ's own loop ends when Redis goes away; ``work_until_stopped`` starts it again.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout, StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus
from typing_extensions import override

from sims_common.logs import get_logger
from sims_core.jobs import JobName, JobQueue, function_path
from sims_worker.jobs.runner import JobFailed
from sims_worker.pulse import Pulse

log = get_logger(__name__)

IDLE = 2  # seconds that a wait for a job takes: how soon a stop is seen
TTL = 30  # seconds; RQ forgets a worker that is silent for this long and a minute
FIRST_WAIT, LONGEST_WAIT = 1.0, 10.0  # seconds between attempts while Redis is away


FUNCTIONS = frozenset(function_path(job) for job in JobName)


class NotOurs(Exception):
    """The queue names a function that is no job of SIMS."""


class TransportedJob(Job):
    """What Redis holds of a job, believed only as far as needed.

    RQ would import and call whatever function or callback Redis names. Here only the jobs of
    SIMS are called, so write access to Redis is not the right to run code.
    """

    @override
    def restore(self, raw_data: Any) -> None:
        super().restore(raw_data)
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        self.webhooks = []

    @property
    @override
    def func(self) -> Callable[..., Any]:
        if self.func_name not in FUNCTIONS or self.instance is not None:
            raise NotOurs(f"The queue names {self.func_name!r}, which is no job of SIMS.")
        function: Callable[..., Any] = super().func
        return function


class QueueWorker(SimpleWorker):
    """Takes ids from one queue and runs them until ``stopping`` is set."""

    log_result_lifespan = False
    job_class = TransportedJob

    def __init__(
        self,
        queue: JobQueue,
        *,
        connection: Redis,
        pulse: Pulse,
        stopping: threading.Event,
        beat: Callable[[], None],
    ) -> None:
        self._pulse = pulse
        self._stopping = stopping
        self._beat = beat
        super().__init__(
            [queue.name],
            name=f"{name()}.{uuid.uuid4().hex[:8]}",
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=TTL,
            log_job_description=False,
        )

    @property
    @override
    def dequeue_timeout(self) -> int:
        return IDLE

    @override
    def _install_signal_handlers(self) -> None:
        """Signals are the process's business (``sims_worker.shutdown``)."""

    @override
    def subscribe(self) -> None:
        """No commands over Redis: who can write there must not be able to stop jobs."""

    @override
    def check_for_suspension(self, burst: bool) -> None:
        """No suspension over Redis either: stopping workers is the platform's business."""

    @override
    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        self.set_state(WorkerStatus.IDLE)
        while True:
            self._beat()
            if self._stopping.is_set():
                raise StopRequested
            self.heartbeat()
            if self.should_run_maintenance_tasks:
                self.run_maintenance_tasks()  # type: ignore[no-untyped-call]  # RQ has no types here
            try:
                found = Queue.dequeue_any(
                    self.queues,
                    timeout,
                    connection=self.connection,
                    job_class=self.job_class,
                    serializer=self.serializer,
                )
            except DequeueTimeout:
                continue
            if found is not None and self._stopping.is_set():
                self._put_back(*found)
                raise StopRequested
            return found

    @staticmethod
    def _put_back(job: Job, queue: Queue) -> None:
        """Leaves the job that came with the order to stop to another worker."""
        with queue.connection.pipeline() as pipeline:
            queue.push_job_id(job.id, pipeline=pipeline, at_front=True)
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.execute()

    @override
    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        with self._pulse.during(lambda: self.maintain_heartbeats(job, execution)):
            return super().perform_job(job, queue, execution)

    @override
    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        if not isinstance(exc_info[1], JobFailed):  # that one is logged where it is raised
            super().handle_exception(job, *exc_info)

    @override
    def register_death(self) -> None:
        try:
            super().register_death()  # type: ignore[no-untyped-call]  # RQ has no types here
        except RedisError as error:  # its entry expires by itself
            log.warning("RQ was not told of the end", error=type(error).__name__)


def name() -> str:
    """What this process is called in the outbox and in RQ."""
    return f"{socket.gethostname()}.{os.getpid()}"[:100]


def work_until_stopped(
    make: Callable[[], QueueWorker], *, stopping: threading.Event, beat: Callable[[], None]
) -> None:
    """Runs jobs until ``stopping``; waits whenever Redis is away."""
    logging.getLogger("rq.worker").setLevel(logging.WARNING)  # a job's events are ours to log
    wait = FIRST_WAIT
    while not stopping.is_set():
        beat()
        began = time.monotonic()
        try:
            make().work(logging_level=None)
        except RedisError as error:
            log.warning("Redis away", error=type(error).__name__)
        if time.monotonic() - began > LONGEST_WAIT:
            wait = FIRST_WAIT  # it went well for a while
        if not stopping.is_set():
            log.warning("the queue's loop ended; starting it again", retry_in=wait)
            stopping.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)
