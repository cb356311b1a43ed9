"""What a job is, and the one adapter to RQ.

A job is a name with a typed payload of ids, never of personal data. The API only writes
outbox rows; the worker's dispatcher moves them into RQ, which transports their ids as
JSON (a queue that holds no pickles can be read by nobody's code).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from rq import Queue
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

DEFAULT_QUEUE = "default"
JOB_TIMEOUT = 360  # seconds, for one job
QUEUE_LIMIT = 1000  # jobs in Redis at once
FAILURE_TTL = 30 * 24 * 3600  # seconds


class JobName(StrEnum):
    GENERATE_AND_EMAIL_TRANSCRIPT = "generate_and_email_transcript"
    BATCH_GENERATE_TRANSCRIPTS = "batch_generate_transcripts"


class GenerateAndEmailTranscript(BaseModel):
    """Make one transcript and mail it."""

    model_config = ConfigDict(extra="forbid")

    job: Literal[JobName.GENERATE_AND_EMAIL_TRANSCRIPT] = JobName.GENERATE_AND_EMAIL_TRANSCRIPT
    request_id: uuid.UUID = Field(description="of the transcript request")


class BatchGenerateTranscripts(BaseModel):
    """Make and mail a chunk of a batch (about 25: a job's overhead is then noise)."""

    model_config = ConfigDict(extra="forbid")

    job: Literal[JobName.BATCH_GENERATE_TRANSCRIPTS] = JobName.BATCH_GENERATE_TRANSCRIPTS
    request_ids: list[uuid.UUID] = Field(min_length=1, max_length=100)


Payload = Annotated[
    GenerateAndEmailTranscript | BatchGenerateTranscripts, Field(discriminator="job")
]
PAYLOAD: TypeAdapter[GenerateAndEmailTranscript | BatchGenerateTranscripts] = TypeAdapter(Payload)


def function_path(job: str) -> str:
    """The callable that RQ imports in the worker; a test there proves that each resolves."""
    return f"sims_worker.jobs.{job}"


def connect(url: str, *, socket_timeout: float | None = 5.0) -> Redis:
    """A client that retries a broken connection briefly and notices a dead peer."""
    return Redis.from_url(
        url,
        socket_connect_timeout=3,
        socket_timeout=socket_timeout,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), 3),
        retry_on_error=[RedisConnectionError],
    )


class JobQueue:
    """The RQ side: put ids in, look at what waits. May be wiped; the outbox refills it."""

    def __init__(self, connection: Redis, name: str = DEFAULT_QUEUE) -> None:
        self.name = name
        self.rq = Queue(name, connection=connection, serializer=JSONSerializer)

    def put(self, jobs: Iterable[tuple[uuid.UUID, str]]) -> None:
        """Enqueues (outbox id, job name) pairs in one round trip.

        An id that is there already is then there twice; the second start finds the job
        claimed or ended. What RQ noted about earlier runs of it is forgotten.
        """
        pairs = list(jobs)
        if not pairs:
            return
        pipeline = self.rq.connection.pipeline()
        pipeline.zrem(self.rq.failed_job_registry.key, *(str(id_) for id_, _ in pairs))
        self.rq.enqueue_many(
            [
                Queue.prepare_data(
                    function_path(job),
                    args=[str(id_)],
                    job_id=str(id_),
                    timeout=JOB_TIMEOUT,
                    result_ttl=0,
                    failure_ttl=FAILURE_TTL,
                    description=f"{job} {id_}",
                )
                for id_, job in pairs
            ],
            pipeline=pipeline,
        )
        pipeline.execute()

    def room(self) -> int:
        """How many more jobs the queue takes: it stays short, PostgreSQL holds the rest."""
        return max(0, QUEUE_LIMIT - self.rq.count)

    def waiting(self) -> set[uuid.UUID]:
        """Outbox ids that wait in the queue now."""
        return {uuid.UUID(job_id) for job_id in self.rq.get_job_ids()}

    def counts(self) -> dict[str, int]:
        """Jobs by RQ state: ``queued``, ``started``, ``failed``."""
        return {
            "queued": self.rq.count,
            "started": StartedJobRegistry(queue=self.rq, serializer=JSONSerializer).count,
            "failed": FailedJobRegistry(queue=self.rq, serializer=JSONSerializer).count,
        }


def queues(connection: Redis, names: Sequence[str] = (DEFAULT_QUEUE,)) -> list[JobQueue]:
    return [JobQueue(connection, name) for name in names]
