"""Background jobs as PostgreSQL knows them, and what people do about them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import Output
from sims_api.policy import allow
from sims_api.resource import Resource, add_list, find
from sims_common.logs import get_logger
from sims_core import job_control
from sims_core.jobs import JobName
from sims_core.models import Outbox

log = get_logger(__name__)

VIEW, MANAGE = "jobs.jobs.view", "jobs.jobs.manage"
STATES = ("pending", "dispatched", "running", "finished", "failed", "cancelled")


class JobOut(Output):
    """A job; ``error`` is a code without names of people."""

    id: uuid.UUID
    job: str
    queue: str
    state: str
    attempts: int = Field(description="runs begun")
    crashes: int = Field(description="workers that died in a row while they ran it")
    error: str | None
    worker: str | None = Field(description="who ran it last")
    request_id: str = Field(description="of the API request, in each log line of the job")
    created_at: datetime
    available_at: datetime
    dispatched_at: datetime | None
    finished_at: datetime | None


class Requeued(JobOut):
    requests: int = Field(description="transcript requests that are made once more")


class Cancelled(Output):
    """What could be taken back, and what had gone too far."""

    cancelled: int
    too_late: int


JOBS = Resource(
    name="job",
    path="jobs",
    tag="jobs",
    model=Outbox,
    out=JobOut,
    permission="jobs.jobs",
    orderings={"created_at": Outbox.created_at},
    default_ordering="-created_at",
    filters={"state": Outbox.state, "job": Outbox.job, "queue": Outbox.queue},
    choices={"state": STATES, "job": tuple(JobName)},
)

router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=StrictRoute)
add_list(router, JOBS, allow(VIEW))


@router.get("/{id}/")
async def job(
    session: Db,
    actor: Annotated[Actor, allow(VIEW)],
    id: uuid.UUID,  # noqa: A002 (the parameter's public name)
) -> JobOut:
    """One job."""
    return JobOut.model_validate(await find(session, JOBS, id, actor))


@router.post("/{id}/requeue/")
async def requeue(
    session: Db,
    actor: Annotated[Actor, allow(MANAGE)],
    id: uuid.UUID,  # noqa: A002
) -> Requeued:
    """Puts an ended job back, with what of it was not sent."""
    reopened = await session.run_sync(lambda sync: job_control.requeue(sync, id))
    log.info("job requeued", job_id=str(id), requests=reopened)
    found = await find(session, JOBS, id, actor)
    return Requeued(requests=reopened, **found.model_dump())


@router.post("/{id}/cancel/")
async def cancel(
    session: Db,
    _actor: Annotated[Actor, allow(MANAGE)],
    id: uuid.UUID,  # noqa: A002
) -> Cancelled:
    """Takes back what the job has not begun; what is being made or sent goes on."""
    found = await session.run_sync(lambda sync: job_control.cancel_job(sync, id))
    log.info("job cancelled", job_id=str(id), cancelled=found.cancelled)
    return Cancelled.model_validate(found)
