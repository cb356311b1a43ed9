"""Attendance: its codes, what counts as present, who is eligible, what may still be changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

DEFAULT_THRESHOLD = Decimal(75)


class AttendanceStatus(StrEnum):
    PRESENT = "PRESENT"
    ABSENT = "ABSENT"
    LATE = "LATE"
    LEAVE = "LEAVE"


COUNTS_AS_PRESENT = (AttendanceStatus.PRESENT, AttendanceStatus.LATE)


@dataclass(frozen=True)
class Tally:
    """Recorded sessions of one student, or of many, by code."""

    present: int = 0
    late: int = 0
    absent: int = 0
    leave: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Tally:
        """From counts by code; an unknown code is a ``ValueError``."""
        for code in counts:
            AttendanceStatus(code)
        return cls(**{s.value.lower(): counts.get(s, 0) for s in AttendanceStatus})

    @classmethod
    def count(cls, statuses: Iterable[AttendanceStatus]) -> Tally:
        return cls.of(Counter(str(status) for status in statuses))

    @property
    def recorded(self) -> int:
        return self.present + self.late + self.absent + self.leave

    @property
    def attended(self) -> int:
        """Late counts as present, leave does not (source: the known rules)."""
        return self.present + self.late

    @property
    def percentage(self) -> Decimal:
        """Of the recorded sessions, two places; 0 when none is recorded."""
        if not self.recorded:
            return Decimal("0.00")
        exact = Decimal(100 * self.attended) / Decimal(self.recorded)
        return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)

    def reaches(self, threshold: Decimal) -> bool:
        """Exactly, not by the rounded percentage: 74.999 % is less than 75 %."""
        return self.recorded > 0 and 100 * self.attended >= threshold * self.recorded


def is_eligible(tally: Tally, threshold: Decimal, *, exempt: bool) -> bool:
    """Who reaches the threshold, or is exempt from it."""
    return exempt or tally.reaches(threshold)


class Entry(StrEnum):
    """What entering attendance of a day takes."""

    FREE = "FREE"
    NEEDS_REASON = "NEEDS_REASON"
    LOCKED = "LOCKED"
    NOT_YET = "NOT_YET"


def session_day(starts_at: datetime, zone: ZoneInfo) -> date:
    """The institution's day on which a session starts."""
    return starts_at.astimezone(zone).date()


def entry(day: date, today: date, lock_days: int) -> Entry:
    """Today is free; the ``lock_days`` days before it need a reason; older ones are locked."""
    if day > today:
        return Entry.NOT_YET
    if day == today:
        return Entry.FREE
    return Entry.NEEDS_REASON if today - day <= timedelta(days=lock_days) else Entry.LOCKED
