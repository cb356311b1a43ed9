"""Kubernetes operator: Backup, BackupSchedule, Restore and BackupStorage run the backup engine."""
