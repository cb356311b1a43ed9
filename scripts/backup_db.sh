#!/bin/sh
# Takes a backup as the runbook's script does: BACKUP_DIR, RETENTION_DAYS, no arguments needed.
# Everything else is sims-backup and its SIMS_… settings (docs/backup-format.md).
set -eu

SIMS_BACKUP_TARGETS="${BACKUP_DIR:-${SIMS_BACKUP_TARGETS:-backups/db}}"
SIMS_RETENTION_DAYS="${RETENTION_DAYS:-${SIMS_RETENTION_DAYS:-7}}"
export SIMS_BACKUP_TARGETS SIMS_RETENTION_DAYS

exec sims-backup backup --prune "$@"
