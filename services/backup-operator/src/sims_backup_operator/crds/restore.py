"""Restore: a plan, a drill, or a swap that can be undone."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from sims_backup_operator.crds.common import (
    Condition,
    Model,
    ObjectName,
    Resource,
    StorageRef,
    Time,
    immutable,
    rule,
    rules,
)

Mode = Literal["Plan", "Drill", "Swap"]
Phase = Literal["Pending", "Fencing", "Running", "Unfencing", "Completed", "Failed", "Skipped"]
UndoPhase = Literal["", "Pending", "Fencing", "Running", "Unfencing", "Completed", "Failed"]


class BackupRef(Model):
    name: ObjectName = Field(description="name of a Backup in the same namespace")


class RestoreSource(Model):
    """A set by its place, for an empty cluster or for whatever is newest."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.id) != (has(self.latest) && self.latest)", "set id, or latest: true")
        )
    )

    storage_ref: StorageRef
    id: str | None = Field(
        None, max_length=128, pattern=r"^[A-Za-z0-9_-]+_[0-9]{8}_[0-9]{6}(_[0-9]+)?$"
    )
    latest: bool = Field(default=False, description="the newest verified set at that time")


class RestoreSpec(Model):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.backupRef) != has(self.source)", "set exactly one of backupRef and source"
            ),
            rule(
                "self.mode != 'Swap' || (has(self.confirm) && self.confirm != '')",
                "mode Swap replaces the live database: set confirm to its name",
                fieldPath=".confirm",
            ),
            rule(
                "!(has(self.undo) && self.undo) || self.mode == 'Swap'",
                "only a Swap can be undone",
                fieldPath=".undo",
            ),
            rule(
                "!(has(oldSelf.undo) && oldSelf.undo) || (has(self.undo) && self.undo)",
                "an undo can't be taken back: restore again instead",
                fieldPath=".undo",
            ),
            *immutable(
                "backupRef",
                "source",
                "mode",
                "safetyBackup",
                "confirm",
                "keepOldForHours",
                "scaleDown",
                "createRoles",
                "deadlineSeconds",
                "retries",
            ),
        )
    )

    backup_ref: BackupRef | None = None
    source: RestoreSource | None = None
    mode: Mode = Field(
        description="Plan: say what would be lost. Drill: restore beside, check, measure, drop. "
        "Swap: replace the live database"
    )
    safety_backup: bool = Field(default=True, description="back up the present state first")
    confirm: str = Field("", max_length=63, description="name of the database that a Swap replaces")
    keep_old_for_hours: float = Field(
        24, ge=0, le=8760, description="how long the replaced database stays for undo"
    )
    scale_down: list[ObjectName] | None = Field(
        None,
        max_length=20,
        description="Deployments to scale to 0 for a Swap and back after it; "
        "default: those that the installation names",
    )
    create_roles: bool = Field(
        default=False, description="create missing database roles, without login"
    )
    undo: bool = Field(default=False, description="true: put the state before this Swap back")
    deadline_seconds: int = Field(21600, ge=60, le=604800)
    retries: int = Field(2, ge=0, le=10, description="further attempts after a lost pod")


class LostRows(Model):
    table: str
    now: int | None = None
    then: int | None = None


class PlanStatus(Model):
    snapshot_at: Time | None = None
    rows_lost: int = Field(0, description="rows that are there now and not in the set")
    rows_back: int = Field(0, description="rows that are in the set and not there now")
    tables: list[LostRows] = Field(default_factory=list, description="tables that differ")
    schema_changes: list[str] = Field(default_factory=list)
    media_missing: int = Field(0, description="media files that would come back")
    media_changed: int = 0
    warnings: list[str] = Field(default_factory=list)


class FencedDeployment(Model):
    name: str
    replicas: int


class WorkStatus(Model):
    """How a run stands: the restore itself, or its undo."""

    reason: str = ""
    message: str = ""
    attempt: int = 0
    job: str = ""
    job_uid: str = Field("", description="empty until that Job was seen")
    started_at: Time | None = None
    attempt_at: Time | None = None
    completed_at: Time | None = None
    phase_at: Time | None = Field(None, description="since when it is in this phase")
    progress: str = ""
    outcome: Literal["", "Succeeded", "Failed"] = Field(
        "", description="known before the workloads are back"
    )


class UndoStatus(WorkStatus):
    phase: UndoPhase = ""
    set_aside: str = Field("", description="the restored database, under this name until it goes")


class RestoreStatus(WorkStatus):
    phase: Phase = "Pending"
    conditions: list[Condition] = Field(default_factory=list)
    observed_generation: int = 0
    storage: str = ""
    set_id: str = ""
    fenced: list[FencedDeployment] = Field(
        default_factory=list, description="replicas before they were scaled to 0"
    )
    duration: str = ""
    recovery_time: str = ""
    recovery_seconds: float = 0
    closed_for: str = Field("", description="time the database refused connections")
    safety_backup: str = ""
    kept_database: str = ""
    kept_until: Time | None = None
    plan: PlanStatus | None = None
    warnings: list[str] = Field(default_factory=list)
    undo: UndoStatus = Field(default_factory=UndoStatus)


class Restore(Resource[RestoreSpec, RestoreStatus]):
    status: RestoreStatus = Field(default_factory=RestoreStatus)

    @property
    def terminal(self) -> bool:
        return self.status.phase in TERMINAL


TERMINAL = frozenset({"Completed", "Failed", "Skipped"})
