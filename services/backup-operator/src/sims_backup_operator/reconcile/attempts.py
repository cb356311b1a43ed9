"""Attempts: one Job each, made once, adopted after a restart, repeated when it was lost.

``look`` is pure and decides; ``start`` and ``fetch`` do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from sims_backup_operator.crds import Restore
from sims_backup_operator.crds.common import Resource
from sims_backup_operator.kube import Exists, Kind, Object
from sims_backup_operator.resources.job import Task, job
from sims_backup_operator.resources.names import EXCLUSIVE
from sims_backup_operator.runs import Run, finished_at, is_finished, read_run
from sims_backup_operator.world import World, is_owned
from sims_common.errors import Conflict

GRACE = timedelta(seconds=120)
RETRY_WAIT = timedelta(hours=1)
SOON, LATER = 3.0, 15.0
_AGAIN = timedelta(minutes=1)
_BACKOFF, _FACTOR = 10.0, 3.0
SWAPPING = frozenset({"Fencing", "Running", "Unfencing"})


class Attempted(Protocol):
    """The part of a status that says which Job is the present one."""

    @property
    def attempt(self) -> int: ...

    @property
    def job(self) -> str: ...

    @property
    def job_uid(self) -> str: ...

    @property
    def attempt_at(self) -> datetime | None: ...


@dataclass(frozen=True)
class Look:
    """What to do next; ``attempt`` is the number to start, ``after`` when, seconds."""

    action: Literal["start", "wait", "watch", "done", "failed"]
    attempt: int = 0
    after: float = 0.0
    timed_out: bool = False


def look(
    status: Attempted,
    run: Run,
    job_: Object | None,
    *,
    retries: int,
    deadline: int,
    now: datetime,
) -> Look:
    number = status.attempt
    if number == 0 or (run.state == "absent" and not status.job_uid):
        return Look("start", max(1, number))
    if run.state in {"waiting", "running"}:
        limit = (status.attempt_at or now) + timedelta(seconds=deadline) + GRACE
        return Look("failed", timed_out=True) if now > limit else Look("watch", number)
    if run.done:
        return Look("done", number)
    if not run.may_retry or number > retries:
        return Look("failed", timed_out=run.timed_out)
    return _again(number, job_, status, now)


def _again(number: int, job_: Object | None, status: Attempted, now: datetime) -> Look:
    ended = (finished_at(job_) if job_ else None) or status.attempt_at or now
    due = ended + timedelta(seconds=_BACKOFF * _FACTOR ** (number - 1))
    if now < due:
        return Look("wait", number + 1, after=(due - now).total_seconds())
    return Look("start", number + 1)


async def fetch(world: World, resource: Resource[Any, Any], name: str) -> tuple[Object | None, Run]:
    """The Job of that name and how it went. Raises ``Conflict`` when it is somebody else's."""
    found = await world.api.get(Kind.JOB, name) if name else None
    if found is not None and not is_owned(found, resource):
        raise Conflict(f"Job {name} belongs to another object; delete it")
    return found, await read_run(world.api, found)


async def make(world: World, resource: Resource[Any, Any], name: str, task: Task) -> Object:
    """Creates the Job; the one that an earlier reconcile made is taken over."""
    try:
        return await world.api.create(Kind.JOB, job(resource, name, task, world.shape))
    except Exists:
        found = await world.api.get(Kind.JOB, name)
        if found is None or not is_owned(found, resource):
            raise Conflict(f"Job {name} belongs to another object; delete it") from None
        return found


async def blocker(world: World, resource: Resource[Any, Any]) -> str | None:
    """Who works on the database now; call it with ``world.exclusive`` held.

    The engine's own lock in the database is the last word; this keeps pods from waiting for it.
    """
    for item in await world.api.list(Kind.JOB, {EXCLUSIVE: "true"}):
        if not is_finished(item) and not is_owned(item, resource):
            return f"Job {item['metadata']['name']}"
    for other in await world.read_all(Restore):
        if other.metadata.uid == resource.metadata.uid or other.spec.mode != "Swap":
            continue
        if other.status.phase in SWAPPING or other.status.undo.phase in SWAPPING:
            return f"Restore {other.name}"
    return None


async def _stands(world: World, found: Object, run: Run) -> bool:
    """False once a Job that was lost, or met something away, has made room for another one."""
    ended = finished_at(found)
    if ended is None or run.done or not run.may_retry:
        return True
    if world.now() < ended + _AGAIN:
        return True
    uid = found["metadata"]["uid"]
    await world.api.delete(Kind.JOB, found["metadata"]["name"], uid=uid)
    return False


async def once(
    world: World,
    resource: Resource[Any, Any],
    name: str,
    build: Callable[[], Task],
) -> tuple[Run, str | None]:
    """For work that is one Job by one name: makes it when the way is free.

    Returns how it went, and who is in the way.
    """
    found, run = await fetch(world, resource, name)
    if found is not None and await _stands(world, found, run):
        return run, None
    task = build()
    async with world.exclusive:
        other = await blocker(world, resource) if task.exclusive else None
        if other is not None:
            return Run("absent"), other
        made = await make(world, resource, name, task)
    return Run("waiting", made["metadata"].get("uid", "")), None
