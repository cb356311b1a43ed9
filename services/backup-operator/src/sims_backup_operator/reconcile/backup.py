"""Backup, in numbered steps.

1 ended · 2 skipped or found · 3 deadlines · 4 the present Job · 5 result · 6 start or retry
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sims_backup.contract.events import Progress
from sims_backup.contract.naming import set_id as make_set_id
from sims_backup.contract.results import BackupResult
from sims_backup_operator.crds import Backup, BackupStatus
from sims_backup_operator.crds.backup import Phase
from sims_backup_operator.kube import Kind
from sims_backup_operator.reconcile.attempts import (
    GRACE,
    LATER,
    RETRY_WAIT,
    SOON,
    Look,
    blocker,
    fetch,
    look,
    make,
)
from sims_backup_operator.reconcile.available import usable
from sims_backup_operator.reconcile.pin import keep_pin
from sims_backup_operator.resources import tasks
from sims_backup_operator.resources.names import SKIP, job_name
from sims_backup_operator.runs import Run, read_progress
from sims_backup_operator.status import later, with_conditions
from sims_backup_operator.texts import duration, short, size
from sims_backup_operator.world import World
from sims_common.errors import Conflict

PENDING = timedelta(hours=6)
_VERIFYING = {"publish", "verify"}


async def reconcile(world: World, backup: Backup) -> float | None:
    """Returns the seconds until it should be looked at again; None: nothing to wait for."""
    # 1 ended: the phase is frozen
    if backup.terminal:
        return await keep_pin(world, backup)
    # 2 skipped by its schedule, or the record of a set that exists
    skipped = backup.metadata.annotations.get(SKIP)
    if skipped is not None:
        await _end(world, backup, "Skipped", "Skipped", skipped)
        return None
    if backup.spec.set_id is not None:
        return await _await_listing(world, backup)
    # 3 deadlines
    late = _late(backup, world.now())
    if late is not None:
        await _fail(world, backup, "DeadlineExceeded", late)
        return None
    try:
        return await _attempt(world, backup)
    except Conflict as error:
        await _fail(world, backup, "JobNameTaken", error.detail)
        return None


async def _attempt(world: World, backup: Backup) -> float | None:
    # 4 the present Job
    job, run = await fetch(world, backup, backup.status.job)
    found = look(
        backup.status,
        run,
        job,
        retries=backup.spec.retries,
        deadline=backup.spec.deadline_seconds,
        now=world.now(),
    )
    # 5 what it gave
    match found.action:
        case "done":
            await _complete(world, backup, run)
            return None
        case "failed":
            reason = "DeadlineExceeded" if found.timed_out else run.reason
            await _fail(world, backup, reason, _why(run, found))
            return None
        case "watch":
            return await _watch(world, backup, run)
        case "wait":
            text = f"attempt {backup.status.attempt} failed: {run.why}; the next one follows"
            await _note(world, backup, run.reason, text)
            return min(found.after + 0.5, LATER)
        case "start":
            # 6 start, or start again
            return await _start(world, backup, found.attempt)


def _late(backup: Backup, now: datetime) -> str | None:
    status, spec = backup.status, backup.spec
    created = backup.metadata.creation_timestamp or now
    if status.started_at is None:
        waited = f"not started within {PENDING}: {status.message or 'nothing was tried'}"
        return waited if now > created + PENDING else None
    attempts = (timedelta(seconds=spec.deadline_seconds) + GRACE + GRACE) * (spec.retries + 1)
    if now > status.started_at + attempts + RETRY_WAIT:
        return f"not finished in time; last: {status.message or 'nothing'}"
    return None


def _why(run: Run, found: Look) -> str:
    if found.timed_out and not run.timed_out:
        return f"the pod did not end in time. {run.message}".strip()
    return run.why


async def _start(world: World, backup: Backup, attempt: int) -> float:
    storage, reason, message = await usable(world, backup.spec.storage_ref.name)
    if storage is None:
        await _note(world, backup, reason, message)
        return LATER
    async with world.exclusive:
        other = await blocker(world, backup)
        if other is not None:
            await _note(world, backup, "Waiting", f"waits for {other}")
            return LATER
        now = world.now()
        set_id = backup.status.set_id or await _new_set_id(world, now)
        status = backup.status.model_copy(
            update={
                "attempt": attempt,
                "job": job_name(backup, f"b{attempt}"),
                "job_uid": "",
                "attempt_at": now,
                "started_at": backup.status.started_at or now,
                "set_id": set_id,
                "reason": "Starting",
                "message": f"attempt {attempt} starts",
            }
        )
        backup = await world.save(backup, _progressing(world, backup, status))
        task = tasks.backup(backup, storage, set_id)
        made = await make(world, backup, status.job, task)
    seen = backup.status.model_copy(update={"job_uid": made["metadata"].get("uid", "")})
    await world.save(backup, seen)
    await world.tell(backup, "Started", f"attempt {attempt} of {set_id}: Job {status.job}")
    return SOON


async def _new_set_id(world: World, now: datetime) -> str:
    """Of this second; numbered when another Backup has that one."""
    taken = {item.status.set_id for item in await world.read_all(Backup)}
    number = 1
    while (found := make_set_id(world.shape.prefix, now, number)) in taken:
        number += 1
    return found


async def _watch(world: World, backup: Backup, run: Run) -> float:
    status = backup.status
    phase: Phase = status.phase
    update: dict[str, object] = {"job_uid": run.job_uid}
    if run.state == "waiting":
        update |= {"reason": "PodPending", "message": short(run.message or "the pod starts")}
    else:
        event = await read_progress(world.api, run)
        phase = later(phase, _phase_of(event))
        update |= {
            "phase": phase,
            "reason": "Running",
            "message": f"attempt {status.attempt}",
            "progress": _progress_text(event),
        }
    new = status.model_copy(update=update)
    saved = await world.save(backup, _progressing(world, backup, new))
    if phase != status.phase:
        await world.tell(saved, phase, f"{saved.status.set_id}: {saved.status.progress or phase}")
    return SOON


def _phase_of(event: Progress | None) -> Phase:
    if event is None:
        return "Running"
    return "Verifying" if event.stage in _VERIFYING else "Uploading"


def _progress_text(event: Progress | None) -> str:
    if event is None:
        return ""
    if not event.bytes:
        return event.stage
    share = ""
    if event.expected_bytes:
        share = f" {min(99, 100 * event.bytes // event.expected_bytes)} %"
    return f"{event.stage}{share} {size(event.bytes)}"


async def _complete(world: World, backup: Backup, run: Run) -> None:
    result = BackupResult.model_validate(run.result)
    now = world.now()
    notes = [f"{len(result.missing_media)} media files are missing"] if result.missing_media else []
    if result.changed_media:
        notes.append(f"{len(result.changed_media)} media files changed while they were read")
    status = backup.status.model_copy(
        update={
            "phase": "Completed",
            "reason": "MediaProblems" if notes else "Completed",
            "message": "; ".join([*notes, f"see `sims-backup show {result.id}`"]) if notes else "",
            "progress": "",
            "completed_at": now,
            "set_id": result.id,
            "snapshot_at": result.snapshot_at,
            "format": result.format,
            "size": size(result.size),
            "size_bytes": result.size,
            "media_files": result.media_files,
            "duration": duration(result.duration),
            "duration_seconds": round(result.duration, 3),
            "verified_at": now if result.verified else None,
            "observed_generation": backup.metadata.generation,
        }
    )
    proof = ("True", "ReadBack", "every object was read back from the storage")
    unproven = ("False", "NotVerified", "not read back yet")
    conditions = with_conditions(
        status.conditions,
        backup.metadata.generation,
        now,
        Ready=("True", status.reason, status.message),
        Progressing=("False", "Completed", ""),
        Verified=proof if result.verified else unproven,  # type: ignore[arg-type]  # literals
    )
    saved = await world.save(backup, status.model_copy(update={"conditions": conditions}))
    text = f"{result.id}, {status.size} in {status.duration}"
    await world.tell(saved, "Completed", "; ".join([text, *notes]), warning=bool(notes))


async def _fail(world: World, backup: Backup, reason: str, message: str) -> None:
    await _end(world, backup, "Failed", reason, message)
    if backup.status.job:
        job = await world.api.get(Kind.JOB, backup.status.job)
        if job is not None and reason == "DeadlineExceeded":
            await world.api.delete(Kind.JOB, backup.status.job, uid=job["metadata"]["uid"])


async def _end(world: World, backup: Backup, phase: Phase, reason: str, message: str) -> None:
    now, generation = world.now(), backup.metadata.generation
    text = short(message)
    conditions = with_conditions(
        backup.status.conditions,
        generation,
        now,
        Ready=("False", reason, text),
        Progressing=("False", phase, ""),
    )
    status = backup.status.model_copy(
        update={
            "phase": phase,
            "reason": reason,
            "message": text,
            "progress": "",
            "completed_at": now,
            "conditions": conditions,
            "observed_generation": generation,
        }
    )
    saved = await world.save(backup, status)
    await world.tell(saved, reason, text, warning=phase == "Failed")


async def _await_listing(world: World, backup: Backup) -> float | None:
    created = backup.metadata.creation_timestamp or world.now()
    if world.now() > created + PENDING:
        text = f"{backup.spec.set_id} was not found in {backup.spec.storage_ref.name}"
        await _fail(world, backup, "SetNotFound", text)
        return None
    await _note(world, backup, "Listing", f"waits for a listing of {backup.spec.storage_ref.name}")
    return LATER * 4


async def _note(world: World, backup: Backup, reason: str, message: str) -> None:
    """Says why nothing happens; the phase stays."""
    text = short(message)
    status = backup.status.model_copy(update={"reason": reason, "message": text})
    fresh = reason != backup.status.reason
    saved = await world.save(backup, _progressing(world, backup, status))
    if fresh:
        await world.tell(saved, reason, text, warning=reason.startswith("Storage"))


def _progressing(world: World, backup: Backup, status: BackupStatus) -> BackupStatus:
    generation = backup.metadata.generation
    conditions = with_conditions(
        status.conditions,
        generation,
        world.now(),
        Ready=("False", status.reason, status.message),
        Progressing=("True", status.reason, status.message),
    )
    return status.model_copy(update={"conditions": conditions, "observed_generation": generation})
