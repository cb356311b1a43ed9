"""Restore, in numbered steps; an undo goes through the same ones.

1 ended, or undo wanted · 2 deadlines · 3 source and storage · 4 the way is free ·
5 workloads down (Swap) · 6 the Job · 7 workloads back · 8 end
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sims_backup_operator.crds import Backup, Restore
from sims_backup_operator.kube import Kind
from sims_backup_operator.reconcile import fence
from sims_backup_operator.reconcile.attempts import (
    GRACE,
    LATER,
    RETRY_WAIT,
    SOON,
    blocker,
    fetch,
    look,
    make,
)
from sims_backup_operator.reconcile.available import usable
from sims_backup_operator.reconcile.outcome import fold
from sims_backup_operator.reconcile.work import Work
from sims_backup_operator.resources import tasks
from sims_backup_operator.resources.job import Task
from sims_backup_operator.resources.names import job_name
from sims_backup_operator.runs import Run, read_progress
from sims_backup_operator.texts import short
from sims_backup_operator.world import World
from sims_common.errors import Conflict, SimsError, ValidationFailed

PENDING, FENCING, UNFENCING = timedelta(hours=6), timedelta(minutes=10), timedelta(minutes=10)


async def reconcile(world: World, restore: Restore) -> float | None:
    """Returns the seconds until it should be looked at again; None: nothing to wait for."""
    # 1 ended, or undo wanted
    work = Work(world, restore, undo=restore.terminal)
    if restore.terminal:
        if not restore.spec.undo or work.ended:
            return None
        if restore.status.phase != "Completed":
            await work.end("Failed", "NothingToUndo", "this Restore replaced nothing")
            return None
        if not work.phase:
            await work.enter("Pending")
    # 2 deadlines
    late = _late(work)
    if late is not None:
        await work.conclude("Failed", "DeadlineExceeded", late)
        return SOON
    try:
        return await _step(work)
    except (Conflict, ValidationFailed) as error:
        await work.conclude("Failed", "Refused", error.detail)
        return SOON


async def _step(work: Work) -> float | None:
    match work.phase:
        case "Pending":
            return await _begin(work)
        case "Fencing":
            return await _fence(work)
        case "Running":
            return await _run(work)
        case "Unfencing":
            return await _unfence(work)
        case other:
            raise SimsError(f"phase {other!r} is not known")


def _late(work: Work) -> str | None:
    now, part = work.world.now(), work.part
    since = part.phase_at or work.restore.metadata.creation_timestamp or now
    if work.phase == "Pending" and now > since + PENDING:
        return f"not started within {PENDING}: {part.message or 'nothing was tried'}"
    if work.phase == "Fencing" and now > since + FENCING:
        return f"the workloads did not stop within {FENCING}: {part.message}"
    spec = work.restore.spec
    limit = (timedelta(seconds=spec.deadline_seconds) + 2 * GRACE) * (spec.retries + 1)
    if work.phase == "Running" and now > since + limit + RETRY_WAIT:
        return f"not finished in time; last: {part.message}"
    return None


async def _begin(work: Work) -> float:
    # 3 source and storage
    order = await _order(work)
    if order is None:
        return LATER
    # 4 the way is free
    async with work.world.exclusive:
        if order.task.exclusive:
            other = await blocker(work.world, work.restore)
            if other is not None:
                await work.note("Waiting", f"waits for {other}")
                return LATER
        phase = "Fencing" if work.deployments else "Running"
        await work.enter(phase, storage=order.storage, set_id=order.set_id)
    return 0.1


@dataclass(frozen=True)
class _Order:
    """``storage`` and ``set_id`` stay the same in further attempts; empty for an undo."""

    task: Task
    storage: str = ""
    set_id: str = ""


async def _order(work: Work) -> _Order | None:
    """What the Job is to do; None when it can't be done yet, and the status says why."""
    if work.undo:
        return _Order(tasks.undo(work.restore))
    found = await _source(work)
    if found is None:
        return None
    name, wanted = found
    storage, reason, message = await usable(work.world, name)
    if storage is None:
        await work.note(reason, message)
        return None
    return _Order(tasks.restore(work.restore, storage, wanted), name, wanted)


async def _source(work: Work) -> tuple[str, str] | None:
    """The name of the storage, and the id or ``latest``."""
    spec, status = work.restore.spec, work.restore.status
    if status.storage:
        return status.storage, status.set_id
    if spec.source is not None:
        return spec.source.storage_ref.name, spec.source.id or "latest"
    reference = spec.backup_ref.name if spec.backup_ref else ""
    backup = await work.world.read(Backup, reference)
    if backup is None or not backup.terminal:
        state = "is not there" if backup is None else f"is {backup.status.phase}"
        await work.note("BackupNotReady", f"Backup {reference} {state}")
        return None
    if backup.status.phase != "Completed":
        raise Conflict(f"Backup {reference} is {backup.status.phase}; choose another one")
    return backup.spec.storage_ref.name, backup.status.set_id


async def _fence(work: Work) -> float:
    # 5 workloads down
    entry, still = await fence.lower(work.world, work.restore, work.deployments)
    if still:
        await work.note("Fencing", f"waits for the pods of {', '.join(still)} to end", entry)
        return SOON
    await work.enter("Running", entry=entry)
    return 0.1


async def _run(work: Work) -> float | None:
    # 6 the Job
    world, part, spec = work.world, work.part, work.restore.spec
    job, run = await fetch(world, work.restore, part.job)
    found = look(part, run, job, retries=spec.retries, deadline=work.deadline, now=world.now())
    match found.action:
        case "done":
            await _finish(work, run)
            return 0.1
        case "failed":
            if found.timed_out and job is not None:
                await world.api.delete(Kind.JOB, part.job, uid=job["metadata"]["uid"])
            reason = "DeadlineExceeded" if found.timed_out else run.reason
            await work.conclude("Failed", reason, run.why)
            return 0.1
        case "watch":
            event = await read_progress(world.api, run)
            text = run.message or "the pod starts" if run.state == "waiting" else ""
            progress = event.stage if event else part.progress
            await work.save(job_uid=run.job_uid, message=short(text), progress=progress)
            return SOON
        case "wait":
            await work.note(run.reason, f"attempt {part.attempt} failed: {run.why}; again soon")
            return min(found.after + 0.5, LATER)
        case "start":
            return await _start(work, found.attempt)


async def _start(work: Work, attempt: int) -> float:
    order = await _order(work)
    if order is None:
        return LATER
    world, task = work.world, order.task
    async with world.exclusive:
        other = await blocker(world, work.restore) if task.exclusive else None
        if other is not None:
            await work.note("Waiting", f"waits for {other}")
            return LATER
        letter = "u" if work.undo else "r"
        name = job_name(work.restore, f"{letter}{attempt}")
        await work.save(
            attempt=attempt,
            job=name,
            job_uid="",
            attempt_at=world.now(),
            reason="Starting",
            message=f"attempt {attempt} starts",
        )
        made = await make(world, work.restore, name, task)
    await work.save(job_uid=made["metadata"].get("uid", ""))
    await world.tell(work.restore, "Started", f"{task.purpose}, attempt {attempt}: Job {name}")
    return SOON


async def _finish(work: Work, run: Run) -> None:
    update, outcome, reason, message = await fold(work, run)
    await work.conclude(outcome, reason, message, **update)


async def _unfence(work: Work) -> float | None:
    # 7 workloads back
    try:
        started = await fence.lift(work.world, work.restore.metadata.uid)
    except SimsError as error:
        since = work.part.phase_at or work.world.now()
        if work.world.now() <= since + UNFENCING:
            raise
        await work.end("Failed", "WorkloadsDown", f"scale them up by hand: {error.detail}")
        return None
    if started:
        await work.world.tell(work.restore, "WorkloadsBack", f"{', '.join(started)} started again")
    # 8 end
    await work.end("Completed" if work.part.outcome == "Succeeded" else "Failed")
    return 0.1 if not work.undo and work.restore.spec.undo else None
