"""BackupStorage: a place for sets, probed on a timer."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from sims_backup_operator.crds.common import (
    Condition,
    Model,
    ObjectName,
    Resource,
    SecretRef,
    Time,
    rule,
    rules,
)

Phase = Literal["Unknown", "Available", "Unavailable"]


class LocalStore(Model):
    """A directory on a PersistentVolumeClaim."""

    claim_name: ObjectName = Field(description="PersistentVolumeClaim in the same namespace")
    path: str = Field(
        "",
        max_length=512,
        pattern=r"^([A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]*$",
        description="directory in the volume, without a leading slash",
        json_schema_extra=rules(
            rule("!self.split('/').exists(p, p == '..')", "path must stay inside the volume")
        ),
    )


class S3Store(Model):
    """A bucket of S3 or of a compatible store."""

    endpoint: str = Field(
        "",
        max_length=512,
        pattern=r"^(https?://[^/\s@]+)?$",
        description="https://host:port; empty for AWS",
    )
    bucket: str = Field(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9.-]+[a-z0-9]$")
    prefix: str = Field(
        "",
        max_length=512,
        pattern=r"^([A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]*$",
        description="key prefix; one installation each",
    )
    region: str = Field("us-east-1", max_length=64)
    force_path_style: bool = Field(
        default=True, description="endpoint/bucket/key, as compatible stores expect"
    )
    credentials_secret_ref: SecretRef | None = Field(
        None,
        description="Secret with the keys accessKeyId and secretAccessKey; "
        "read anew by each Job, so a rotation needs no restart",
    )
    ca_bundle_secret_ref: SecretRef | None = Field(
        None, description="Secret with the key ca.crt: the CA of a private store"
    )
    object_lock: Literal["off", "governance", "compliance"] = Field(
        "off", description="write sets with object lock until retention may remove them"
    )
    checksums: Literal["when_supported", "when_required"] = Field(
        "when_supported", description="when_required: for stores that reject SHA-256 headers"
    )


class StorageSpec(Model):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.local) != has(self.s3)", "set exactly one of local and s3"),
            rule(
                "has(self.local) == has(oldSelf.local)"
                " && (!has(self.local) || self.local == oldSelf.local)"
                " && (!has(self.s3) || !has(oldSelf.s3)"
                " || (self.s3.bucket == oldSelf.s3.bucket"
                " && (has(self.s3.prefix) ? self.s3.prefix : '')"
                " == (has(oldSelf.s3.prefix) ? oldSelf.s3.prefix : '')))",
                "another place is another BackupStorage: make a new object",
            ),
        )
    )

    local: LocalStore | None = None
    s3: S3Store | None = None
    probe_interval_seconds: int = Field(
        300, ge=30, le=86400, description="time between two looks at the storage, seconds"
    )


class PendingDeletion(Model):
    """A set whose Backup with ``deletionPolicy: Delete`` is gone."""

    set_id: str
    since: Time
    message: str = ""


class StorageStatus(Model):
    phase: Phase = "Unknown"
    conditions: list[Condition] = Field(default_factory=list)
    observed_generation: int = 0
    reason: str = ""
    message: str = ""
    probe_number: int = Field(0, description="number of the newest probe that was decided")
    probed_number: int = Field(0, description="number of the newest probe whose result is known")
    probe_at: Time | None = Field(None, description="when the newest probe was decided")
    last_probe_time: Time | None = Field(None, description="when the result came")
    last_available_time: Time | None = None
    sets: int = Field(0, description="good sets in the storage")
    newest_set: str = ""
    newest_set_at: Time | None = None
    size: str = ""
    problems: list[str] = Field(default_factory=list, max_length=20)
    delete_with_object: list[str] = Field(
        default_factory=list, description="sets whose Backup says deletionPolicy: Delete"
    )
    pending_deletions: list[PendingDeletion] = Field(default_factory=list)
    deletion_number: int = Field(0, description="number of the newest deletion Job")


class BackupStorage(Resource[StorageSpec, StorageStatus]):
    status: StorageStatus = Field(default_factory=StorageStatus)
