"""What a student may be."""

from __future__ import annotations

from enum import StrEnum


class StudentStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"
    GRADUATED = "graduated"
    SUSPENDED = "suspended"
    ON_LEAVE = "on_leave"


STATUSES = tuple(StudentStatus)
