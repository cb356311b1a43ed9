"""The custom resources as Pydantic models: the one source of their YAML (`make generate`)."""

from sims_backup_operator.crds.backup import Backup, BackupSpec, BackupStatus
from sims_backup_operator.crds.restore import Restore, RestoreSpec, RestoreStatus
from sims_backup_operator.crds.schedule import BackupSchedule, ScheduleSpec, ScheduleStatus
from sims_backup_operator.crds.storage import BackupStorage, StorageSpec, StorageStatus

__all__ = [
    "Backup",
    "BackupSchedule",
    "BackupSpec",
    "BackupStatus",
    "BackupStorage",
    "Restore",
    "RestoreSpec",
    "RestoreStatus",
    "ScheduleSpec",
    "ScheduleStatus",
    "StorageSpec",
    "StorageStatus",
]
