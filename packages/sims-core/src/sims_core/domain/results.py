"""The life of a result: draft → verified → published → frozen, one step at a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ResultStatus(StrEnum):
    DRAFT = "DRAFT"
    VERIFIED = "VERIFIED"
    PUBLISHED = "PUBLISHED"
    FROZEN = "FROZEN"


class Outcome(StrEnum):
    PASS = "PASS"  # noqa: S105 (no password)
    FAIL = "FAIL"
    PENDING = "PENDING"


RELEASED = (ResultStatus.PUBLISHED, ResultStatus.FROZEN)
"""What a student may see and a transcript shows. Freezing removes nothing."""


@dataclass(frozen=True)
class Step:
    """One move of the workflow; nothing is skipped and nothing goes back past publication."""

    name: str
    before: ResultStatus
    after: ResultStatus


VERIFY = Step("verify", ResultStatus.DRAFT, ResultStatus.VERIFIED)
RETURN = Step("return", ResultStatus.VERIFIED, ResultStatus.DRAFT)
PUBLISH = Step("publish", ResultStatus.VERIFIED, ResultStatus.PUBLISHED)
FREEZE = Step("freeze", ResultStatus.PUBLISHED, ResultStatus.FROZEN)
STEPS = (VERIFY, RETURN, PUBLISH, FREEZE)


class ChangeStatus(StrEnum):
    """Of a request to change a released result."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
