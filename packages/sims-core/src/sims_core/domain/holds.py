"""Why something is kept from a student until a matter is settled, and what is kept."""

from __future__ import annotations

from enum import StrEnum


class HoldKind(StrEnum):
    FINANCE = "finance"
    LIBRARY = "library"
    OTHER = "other"


class Held(StrEnum):
    """What a hold may block."""

    RESULTS = "results"
    TRANSCRIPTS = "transcripts"
    ENROLLMENT = "enrollment"
