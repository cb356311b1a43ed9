"""Backup: one set, taken or found."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from sims_backup.contract.manifest import Format
from sims_backup_operator.crds.common import (
    Condition,
    Model,
    Resource,
    StorageRef,
    Time,
    immutable,
    rules,
)

Phase = Literal["Pending", "Running", "Uploading", "Verifying", "Completed", "Failed", "Skipped"]
DeletionPolicy = Literal["Retain", "Delete"]


class BackupFields(Model):
    """What a Backup and the template of a BackupSchedule have in common."""

    storage_ref: StorageRef = Field(description="where the set goes")
    format: Format = Field(
        "directory", description="directory: parallel and fastest; custom; plain: one .sql.gz"
    )
    media: bool = Field(default=True, description="include uploaded files, when a volume is set up")
    encryption: bool = Field(
        default=True, description="encrypt for the installation's recipients, when it has any"
    )
    deletion_policy: DeletionPolicy = Field(
        "Retain",
        description="Delete: deleting this object deletes its set from the storage too. "
        "Retain: the set stays and is listed as a Backup again",
    )
    deadline_seconds: int = Field(
        21600, ge=60, le=604800, description="longest run of one attempt, seconds"
    )
    retries: int = Field(
        2, ge=0, le=10, description="further attempts after a lost pod, store or database"
    )


class BackupSpec(BackupFields):
    model_config = ConfigDict(
        json_schema_extra=rules(
            *immutable(
                "storageRef", "format", "media", "encryption", "deadlineSeconds", "retries", "setId"
            )
        )
    )

    pinned: bool = Field(default=False, description="retention never removes the set")
    set_id: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z0-9_-]+_[0-9]{8}_[0-9]{6}(_[0-9]+)?$",
        description="an existing set of the storage; empty: take a new one",
    )


class BackupStatus(Model):
    phase: Phase = "Pending"
    conditions: list[Condition] = Field(default_factory=list)
    observed_generation: int = 0
    message: str = Field("", description="what happens, or what went wrong and what to do")
    reason: str = Field("", description="one word for the present state")
    attempt: int = Field(0, description="number of the present attempt, from 1")
    job: str = Field("", description="the Job of this attempt")
    job_uid: str = Field("", description="empty until that Job was seen")
    started_at: Time | None = Field(None, description="start of the first attempt")
    attempt_at: Time | None = Field(None, description="when the present attempt was decided")
    completed_at: Time | None = None
    progress: str = Field("", description="stage and amount, while it runs")
    set_id: str = Field("", description="id of the set in the storage")
    snapshot_at: Time | None = Field(None, description="the moment the data is from")
    format: str = ""
    size: str = ""
    size_bytes: int = Field(0, description="bytes stored for this set, without shared media")
    media_files: int = 0
    duration: str = ""
    duration_seconds: float = 0
    verified_at: Time | None = Field(None, description="when it last passed a verification")
    recovery_time: str = Field("", description="measured by its last drill that passed")
    recovery_seconds: float = 0
    pinned: bool = False
    retention: str = Field("", description="why retention keeps the set, or when it goes")


class Backup(Resource[BackupSpec, BackupStatus]):
    status: BackupStatus = Field(default_factory=BackupStatus)

    @property
    def terminal(self) -> bool:
        return self.status.phase in TERMINAL


TERMINAL = frozenset({"Completed", "Failed", "Skipped"})
