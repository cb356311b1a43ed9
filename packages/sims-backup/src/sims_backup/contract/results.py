"""What each verb returns; ``--output json`` prints exactly these."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from sims_backup.contract.manifest import Format, Kind, Manifest, Record

State = Literal["verified", "unverified", "failed"]
RestoreState = Literal[
    "loading", "loaded", "swapped", "undoing", "done", "undone", "rolled_back", "purged"
]


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
    created_at: datetime = Field(description="the data is as of then")
    finished_at: datetime
    sequence: int
    format: Format
    kind: Kind
    parent: str = Field(description="who asked for it (`backup --parent`), or empty")
    installation_id: str
    database: str
    server_version: str
    schema_revision: str | None
    app_version: str
    encrypted: bool
    size: int = Field(description="bytes stored for this set alone, without shared media")
    rows: int
    media_files: int | None
    pinned: bool
    locked_until: datetime | None
    verified_at: datetime | None = Field(description="last time that all was read back or drilled")
    recovery_time: float | None = Field(description="seconds, of the last drill that passed")
    reasons: list[str] = Field(default_factory=list, description="why retention keeps it")
    note: str = ""


class ListResult(Record):
    target: str
    sets: list[SetSummary] = Field(description="oldest first")
    damaged: dict[str, str] = Field(description="id to what is wrong with its manifest")
    unfinished: list[str] = Field(description="running or dead runs; no backups")
    removed: list[str] = Field(
        default_factory=list, description="ids that retention or a deletion removed"
    )
    problems: list[str] = Field(description="the same and others, for people")


class ShowResult(Record):
    manifest: Manifest
    state: State
    marks: list[Mark]
    pin: Pin | None


class PinResult(Record):
    id: str
    target: str
    pinned: bool
    reason: str


class DeleteResult(Record):
    id: str
    target: str
    deleted: bool = Field(description="false: it was gone already")
    bytes_freed: int


class BackupResult(Record):
    id: str
    adopted: bool = Field(
        default=False, description="an earlier run with this --id had published it"
    )
    target: str
    snapshot_at: datetime
    format: Format
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
    pruned: list[str] = Field(default_factory=list, description="ids that --prune removed")


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
    request: str = Field("", description="name given with --request")
    adopted: bool = Field(
        default=False, description="an earlier run with this --request had done it"
    )
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
    damaged: dict[str, str] = Field(description="of the target: neither copied nor removed")
    media_copied: int
    bytes_copied: int


class UndoResult(Record):
    restore_id: str
    adopted: bool = Field(default=False, description="an earlier run had undone it")
    database: str
    set_aside: str
    swap_seconds: float


class RestoreSummary(Record):
    """One entry of the restore journal; states: docs/backup-format.md, Restore journal."""

    restore_id: str
    request: str
    kind: Literal["swap", "into", "drill"]
    set_id: str
    database: str
    state: RestoreState
    safety_backup: str | None
    kept_database: str | None = Field(description="what it replaced, while undo is possible")
    kept_until: datetime | None
    started_at: datetime
    updated_at: datetime
    message: str


class RestoresResult(Record):
    database: str
    restores: list[RestoreSummary] = Field(description="oldest first")


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
