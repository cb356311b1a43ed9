"""Failures of the engine; each carries the exit code that the CLI ends with."""

from __future__ import annotations

from typing import ClassVar

from sims_backup.contract.exits import Exit
from sims_common.errors import SimsError


class BackupError(SimsError):
    """Base: the run failed, nothing was published, live data is as it was."""

    code = "BACKUP_FAILED"
    title = "The run failed"
    exit_code: ClassVar[Exit] = Exit.FAILED


class ToolFailed(BackupError):
    code = "TOOL_FAILED"
    title = "A PostgreSQL tool failed"


class NotProven(BackupError):
    code = "NOT_PROVEN"
    title = "The set is not what it should be"
    exit_code = Exit.NOT_PROVEN


class ObjectDamaged(NotProven):
    code = "OBJECT_DAMAGED"
    title = "A stored object is not what the manifest says"


class ContentChanged(ObjectDamaged):
    """A live file is not what it was when it was first read."""

    code = "CONTENT_CHANGED"


class SetNotFound(BackupError):
    status = 404
    code = "SET_NOT_FOUND"
    title = "No such backup"
    exit_code = Exit.NOT_FOUND


class ObjectMissing(SetNotFound):
    code = "OBJECT_MISSING"
    title = "A stored object is missing"


class Refused(BackupError):
    status = 409
    code = "REFUSED"
    title = "Refused"
    exit_code = Exit.REFUSED


class AlreadyExists(Refused):
    code = "ALREADY_EXISTS"
    title = "The key exists; keys are written once"


class Busy(BackupError):
    status = 409
    code = "BUSY"
    title = "Another run holds the lock"
    exit_code = Exit.BUSY


class StoreUnavailable(BackupError):
    status = 503
    code = "STORE_UNAVAILABLE"
    title = "The store can't be used"
    exit_code = Exit.UNAVAILABLE


class DatabaseUnavailable(BackupError):
    status = 503
    code = "DATABASE_UNAVAILABLE"
    title = "The database can't be used"
    exit_code = Exit.UNAVAILABLE


class NoSpace(BackupError):
    status = 507
    code = "NO_SPACE"
    title = "No space left"
    exit_code = Exit.NO_SPACE


class DeadlinePassed(BackupError):
    status = 504
    code = "DEADLINE_PASSED"
    title = "The deadline passed"
    exit_code = Exit.DEADLINE
