#!/bin/sh
# Restores a backup as the runbook's script does: restore_db.sh ID|FILE, relative names are
# also looked up in BACKUP_DIR; FORCE=1 asks nothing. A safety backup is taken in any case
# (SKIP_SAFETY_BACKUP=1 leaves it out), and `sims-backup undo` takes the restore back.
set -eu

if [ "$#" -lt 1 ]; then
    echo "usage: restore_db.sh ID|FILE|latest    (sims-backup list shows what there is)" >&2
    exit 2
fi

SIMS_BACKUP_TARGETS="${BACKUP_DIR:-${SIMS_BACKUP_TARGETS:-backups/db}}"
export SIMS_BACKUP_TARGETS

name=$1
shift
if [ "${SKIP_SAFETY_BACKUP:-0}" = 1 ]; then
    set -- --no-safety-backup "$@"
fi
if [ "${FORCE:-0}" = 1 ]; then
    set -- --yes "$@"
fi
exec sims-backup restore "$@" -- "$name"
