"""BackupSchedule: backups by the clock, retention, copies, drills."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from sims_backup_operator.crds.backup import BackupFields
from sims_backup_operator.crds.common import (
    Condition,
    Model,
    Resource,
    StorageRef,
    Time,
    rule,
    rules,
)

Phase = Literal["Active", "Suspended", "Invalid"]
ConcurrencyPolicy = Literal["Forbid", "Allow", "Replace"]

CRON_PATTERN = r"^(@(hourly|daily|weekly|monthly)|\S+ \S+ \S+ \S+ \S+)$"
Cron = Annotated[str, Field(min_length=5, max_length=128, pattern=CRON_PATTERN)]


class BackupTemplate(BackupFields):
    pass


class Retention(Model):
    """Days, or grandfather-father-son; only verified sets count."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "(has(self.days) && self.days > 0) || (has(self.daily) && self.daily > 0)"
                " || (has(self.weekly) && self.weekly > 0)"
                " || (has(self.monthly) && self.monthly > 0)"
                " || (has(self.yearly) && self.yearly > 0)",
                "an empty policy would delete everything: set days, daily, weekly, monthly"
                " or yearly",
            )
        )
    )

    days: int = Field(0, ge=0, le=36500, description="keep everything this young")
    daily: int = Field(0, ge=0, le=3660, description="keep the last of so many days")
    weekly: int = Field(0, ge=0, le=520)
    monthly: int = Field(0, ge=0, le=1200)
    yearly: int = Field(0, ge=0, le=100)
    min_verified: int = Field(3, ge=1, le=1000, description="never fewer verified sets than this")


class SyncTarget(Model):
    storage_ref: StorageRef = Field(description="storage to copy to")
    mirror: bool = Field(default=False, description="also remove there what retention removed here")


class DrillPolicy(Model):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.schedule) != has(self.everyNth)", "set exactly one of schedule, everyNth"
            )
        )
    )

    schedule: Cron | None = Field(None, description="cron expression, in the same time zone")
    every_nth: int | None = Field(
        None, ge=1, le=1000, description="drill each n-th backup of this schedule"
    )
    history_limit: int = Field(5, ge=1, le=100, description="finished drills to keep")


class ScheduleSpec(Model):
    schedule: Cron = Field(
        description="five cron fields: minute hour day month weekday; or @hourly, @daily, …"
    )
    time_zone: str = Field(
        "UTC",
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9_+/-]+$",
        description="IANA name, for example Asia/Karachi",
    )
    suspend: bool = Field(default=False, description="true: no new backups")
    concurrency_policy: ConcurrencyPolicy = Field(
        "Forbid",
        description="while the last backup runs: skip the slot, queue it, or replace the old run",
    )
    starting_deadline_seconds: int | None = Field(
        None, ge=60, le=31536000, description="a slot missed for longer is not caught up"
    )
    run_now: str = Field("", max_length=128, description="a new text here takes one backup at once")
    template: BackupTemplate
    retention: Retention | None = Field(None, description="none: nothing is ever removed")
    sync: list[SyncTarget] = Field(default_factory=list, max_length=5)
    drill: DrillPolicy | None = None
    failed_history_limit: int = Field(
        5, ge=0, le=100, description="failed and skipped backups to keep as objects"
    )


class RetentionStatus(Model):
    backup: str = Field("", description="the backup after which it ran")
    last_run_time: Time | None = None
    message: str = ""
    kept: int = 0
    deleted: list[str] = Field(default_factory=list)
    explanation: list[str] = Field(default_factory=list, description="set: why it stays or goes")


class SyncStatus(Model):
    storage: str
    backup: str = ""
    last_sync_time: Time | None = None
    message: str = ""


class DrillStatus(Model):
    checked_until: Time | None = None
    last_drill: str = ""
    last_drill_time: Time | None = None
    recovery_time: str = ""
    message: str = ""


class ScheduleStatus(Model):
    phase: Phase = "Active"
    conditions: list[Condition] = Field(default_factory=list)
    observed_generation: int = 0
    reason: str = ""
    message: str = ""
    checked_until: Time | None = Field(None, description="slots up to here are settled")
    last_schedule_time: Time | None = Field(None, description="newest slot that was acted upon")
    next_schedule_time: Time | None = None
    last_backup: str = ""
    last_success_time: Time | None = None
    last_success: str = ""
    last_run_now: str = ""
    created: int = Field(0, description="backups this schedule has made")
    missed: int = Field(0, description="slots past their starting deadline")
    suspended_since: Time | None = None
    interval_seconds: int = Field(0, description="longest time between two slots")
    retention: RetentionStatus = Field(default_factory=RetentionStatus)
    sync: list[SyncStatus] = Field(default_factory=list)
    drill: DrillStatus = Field(default_factory=DrillStatus)


class BackupSchedule(Resource[ScheduleSpec, ScheduleStatus]):
    status: ScheduleStatus = Field(default_factory=ScheduleStatus)
