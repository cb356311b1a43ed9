"""What a student may be, and what may follow what."""

from __future__ import annotations

from enum import StrEnum


class StudentStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"
    GRADUATED = "graduated"
    SUSPENDED = "suspended"
    ON_LEAVE = "on_leave"


STATUSES = tuple(StudentStatus)

_NEXT: dict[StudentStatus, frozenset[StudentStatus]] = {
    StudentStatus.ACTIVE: frozenset(StudentStatus) - {StudentStatus.ACTIVE},
    StudentStatus.INACTIVE: frozenset({StudentStatus.ACTIVE}),
    StudentStatus.SUSPENDED: frozenset({StudentStatus.ACTIVE, StudentStatus.INACTIVE}),
    StudentStatus.ON_LEAVE: frozenset(
        {StudentStatus.ACTIVE, StudentStatus.INACTIVE, StudentStatus.SUSPENDED}
    ),
    StudentStatus.GRADUATED: frozenset({StudentStatus.ACTIVE}),
}


def may_become(old: StudentStatus, new: StudentStatus) -> bool:
    """Only who is active graduates; who graduated by mistake becomes active again."""
    return new in _NEXT[old]


class LeaveStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    COMPLETED = "completed"


LEAVE_NEXT: dict[LeaveStatus, frozenset[LeaveStatus]] = {
    LeaveStatus.PENDING: frozenset({LeaveStatus.APPROVED, LeaveStatus.REJECTED}),
    LeaveStatus.APPROVED: frozenset({LeaveStatus.COMPLETED, LeaveStatus.REJECTED}),
    LeaveStatus.REJECTED: frozenset(),
    LeaveStatus.COMPLETED: frozenset(),
}
"""What a decision may make of a leave period."""

LEAVE_TYPES = ("medical", "personal", "academic", "absence")


def counts_toward_graduation(leave_type: str) -> bool:
    """Every kind of leave but plain absence."""
    return leave_type != "absence"
