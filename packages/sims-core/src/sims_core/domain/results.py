"""The life of a result: draft → verified → published → frozen, one step at a time."""

from __future__ import annotations

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
