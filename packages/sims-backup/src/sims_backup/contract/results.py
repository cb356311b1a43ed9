"""What each verb returns; ``--output json`` prints exactly these."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from sims_backup.contract.manifest import Record

State = Literal["verified", "unverified", "failed", "damaged", "unfinished"]


class Mark(Record):
    """A later fact about a set, sealed and stored under ``marks/``."""

    set_id: str
    kind: Literal["verify", "drill"]
    at: datetime
    passed: bool
    duration: float = Field(description="seconds; of a drill: the measured recovery time")
    problems: list[str]
    by: str


class Pin(Record):
    set_id: str
    at: datetime
    reason: str


class Tombstone(Record):
    set_id: str
    at: datetime
    reason: str


class SetSummary(Record):
    id: str
    state: State
    created_at: datetime | None
    sequence: int | None
    format: str | None
    kind: str | None
    size: int
    rows: int | None
    media_files: int | None
    pinned: bool
    verified_at: datetime | None
    recovery_time: float | None = Field(description="seconds, of the last drill that passed")
    reasons: list[str] = Field(default_factory=list, description="why retention keeps it")
    note: str = ""


class ListResult(Record):
    target: str
    sets: list[SetSummary]
    problems: list[str]


class BackupResult(Record):
    id: str
    target: str
    format: str
    size: int
    dump_bytes: int
    media_files: int
    media_uploaded: int
    duration: float
    stages: dict[str, float] = Field(description="seconds by stage")
    peak_staging: int = Field(description="bytes")
    verified: bool
    missing_media: list[str]
    changed_media: list[str]
    copies: dict[str, str] = Field(description="further target to ok or its error")


class VerifyResult(Record):
    id: str
    target: str
    passed: bool
    objects: int
    media_objects: int
    bytes_read: int
    duration: float
    problems: list[str]


class TableDifference(Record):
    table: str
    rows_now: int | None
    rows_then: int | None


class PlanResult(Record):
    """What a restore would change: rows and schema between now and the set."""

    id: str
    database: str
    snapshot_at: datetime
    tables: list[TableDifference]
    schema_changes: list[str]
    media_missing_here: int
    media_different_here: int
    revision_now: str | None
    revision_then: str | None
    warnings: list[str]


class RestoreResult(Record):
    id: str
    restore_id: str
    database: str
    kept_database: str | None
    kept_until: datetime | None
    safety_backup: str | None
    media_restored: int
    duration: float
    stages: dict[str, float]
    swap_seconds: float | None = Field(description="time the database refused connections")
    skipped: dict[str, int] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)


class DrillResult(Record):
    id: str
    target: str
    passed: bool
    recovery_time: float = Field(description="seconds from start until the checks had passed")
    stages: dict[str, float]
    tables: int
    rows: int
    problems: list[str]


class RetentionEntry(Record):
    id: str
    keep: bool
    reasons: list[str]
    goes_on: str | None = None


class PruneResult(Record):
    target: str
    dry_run: bool
    entries: list[RetentionEntry]
    deleted: list[str]
    swept_sets: list[str]
    swept_uploads: int
    media_deleted: int
    bytes_freed: int
    warnings: list[str]


class SyncResult(Record):
    source: str
    target: str
    dry_run: bool
    copied: list[str]
    deleted: list[str]
    kept: dict[str, str] = Field(description="not deleted although retention removed it: why")
    media_copied: int
    bytes_copied: int


class UndoResult(Record):
    restore_id: str
    database: str
    set_aside: str
    swap_seconds: float


class Finding(Record):
    check: str
    status: Literal["ok", "warning", "fail"]
    detail: str
    remedy: str = ""


class DoctorResult(Record):
    findings: list[Finding]

    @property
    def failed(self) -> bool:
        return any(finding.status == "fail" for finding in self.findings)
