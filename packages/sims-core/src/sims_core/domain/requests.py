"""Requests to the office: pending → under_review → approved or rejected; approved → completed."""

from __future__ import annotations

from enum import StrEnum


class RequestType(StrEnum):
    TRANSCRIPT = "transcript"
    BONAFIDE = "bonafide"
    NOC = "noc"  # no objection certificate
    OTHER = "other"


class RequestStatus(StrEnum):
    PENDING = "pending"
    UNDER_REVIEW = "under_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    COMPLETED = "completed"


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


FOLLOWING: dict[RequestStatus, frozenset[RequestStatus]] = {
    RequestStatus.PENDING: frozenset({RequestStatus.UNDER_REVIEW}),
    RequestStatus.UNDER_REVIEW: frozenset({RequestStatus.APPROVED, RequestStatus.REJECTED}),
    RequestStatus.APPROVED: frozenset({RequestStatus.COMPLETED}),
    RequestStatus.REJECTED: frozenset(),
    RequestStatus.COMPLETED: frozenset(),
}


def may_follow(before: RequestStatus, after: RequestStatus) -> bool:
    return after in FOLLOWING[before]
