"""The verbs of the engine as Jobs run them; docs/adr/0041 says what comes back how."""

from __future__ import annotations

from sims_backup_operator.crds import Backup, BackupSchedule, BackupStorage, Restore
from sims_backup_operator.crds.schedule import SyncTarget
from sims_backup_operator.resources.job import Task
from sims_backup_operator.resources.names import (
    SCHEDULE,
    digest,
    parent_of,
    request_name,
)
from sims_backup_operator.resources.storage import Access, access, both

PROBE_DEADLINE, KEEPING_DEADLINE, UNDO_DEADLINE = 120, 3600, 3600
_PROBE_TTL = 600


def probe(storage: BackupStorage, schedule: BackupSchedule | None) -> Task:
    """Lists the storage: reachable, readable, what is there, and what ``schedule`` keeps."""
    return Task(
        "probe",
        ["list"],
        [access(storage)],
        PROBE_DEADLINE,
        exclusive=False,
        ttl=_PROBE_TTL,
        environment=retention(schedule) if schedule else {},
    )


def deletion(storage: BackupStorage, set_id: str) -> Task:
    reason = "its Backup with deletionPolicy Delete was deleted"
    arguments = ["delete", set_id, "--confirm", set_id, "--reason", reason]
    return Task("delete", arguments, [access(storage)], KEEPING_DEADLINE)


def backup(resource: Backup, storage: BackupStorage, set_id: str) -> Task:
    spec = resource.spec
    arguments = ["backup", "--id", set_id, "--parent", parent_of(resource), "--format", spec.format]
    if SCHEDULE in resource.labels:
        arguments.append("--scheduled")
    return Task(
        "backup",
        arguments,
        [access(storage)],
        spec.deadline_seconds,
        media="read" if spec.media else "",
        recipients=spec.encryption,
    )


def pin(storage: BackupStorage, set_id: str, *, pinned: bool) -> Task:
    arguments = ["pin", set_id, "--reason", "spec.pinned"] if pinned else ["unpin", set_id]
    return Task("pin", arguments, [access(storage)], PROBE_DEADLINE, exclusive=False)


def restore(resource: Restore, storage: BackupStorage, wanted: str) -> Task:
    spec = resource.spec
    if spec.mode == "Drill":
        return Task(
            "drill",
            ["drill", wanted],
            [access(storage)],
            spec.deadline_seconds,
            media="read",
            identity=True,
        )
    arguments = ["restore", wanted]
    if spec.mode == "Plan":
        arguments.append("--plan")
    else:
        arguments += ["--confirm", spec.confirm, "--request", request_of(resource, wanted)]
        arguments += ["--keep-old", str(spec.keep_old_for_hours)]
        arguments += [] if spec.safety_backup else ["--no-safety-backup"]
    if spec.create_roles:
        arguments.append("--create-roles")
    return Task(
        spec.mode.lower(),
        arguments,
        [access(storage)],
        spec.deadline_seconds,
        exclusive=spec.mode != "Plan",
        media="read" if spec.mode == "Plan" else "write",
        identity=True,
    )


def request_of(resource: Restore, set_id: str) -> str:
    """The same name, spec and set are the same request; another set of that name is another."""
    source = resource.spec.source
    wanted = "latest" if source is not None and source.latest else set_id
    fields = {"undo", "deadline_seconds", "retries"}
    text = resource.spec.model_dump_json(exclude=fields)
    return request_name(resource, digest(f"{text}/{wanted}"))


def undo(resource: Restore) -> Task:
    """Needs the database server and the media, no storage."""
    arguments = [
        "undo",
        "--restore",
        request_of(resource, resource.status.set_id),
        "--confirm",
        resource.spec.confirm,
    ]
    return Task("undo", arguments, [Access("/tmp")], UNDO_DEADLINE, media="write")  # noqa: S108


def prune(schedule: BackupSchedule, storage: BackupStorage) -> Task:
    return Task(
        "prune",
        ["prune"],
        [access(storage)],
        KEEPING_DEADLINE,
        environment=retention(schedule),
    )


def retention(schedule: BackupSchedule) -> dict[str, str]:
    """The policy of a schedule that has one."""
    policy = schedule.spec.retention
    if policy is None:
        return {}
    numbers = {
        "SIMS_RETENTION_DAYS": policy.days,
        "SIMS_RETENTION_DAILY": policy.daily,
        "SIMS_RETENTION_WEEKLY": policy.weekly,
        "SIMS_RETENTION_MONTHLY": policy.monthly,
        "SIMS_RETENTION_YEARLY": policy.yearly,
        "SIMS_RETENTION_MIN_VERIFIED": policy.min_verified,
    }
    found = {name: str(value) for name, value in numbers.items()}
    return {"SIMS_TIME_ZONE": schedule.spec.time_zone, **found}


def sync(target: SyncTarget, source: BackupStorage, to: BackupStorage) -> Task:
    from_, into = both(source, to)
    arguments = ["sync", "--from", from_.target, "--to", into.target]
    arguments += ["--delete"] if target.mirror else []
    return Task("sync", arguments, [from_, into], KEEPING_DEADLINE)
