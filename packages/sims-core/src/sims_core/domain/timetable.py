"""Weekly series in the institution's time zone, where an hour may be missing or come twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
MAX_SESSIONS = 400  # of one series: five days a week for more than a year


@dataclass(frozen=True)
class Span:
    """UTC."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Weekly:
    """``weekdays`` count from 0, Monday; both days belong to it; ``without`` are days off."""

    first: date
    last: date
    weekdays: Collection[int]
    starts: time
    ends: time
    without: Collection[date] = ()


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time in UTC.

    A local time that a clock change skips is moved past the gap by its length; one that
    comes twice is the first of the two (PEP 495, fold 0).
    """
    return datetime.combine(day, at, zone).astimezone(UTC)


def spans(series: Weekly, zone: ZoneInfo) -> Iterator[Span]:
    """Each meeting: at the same local time all the year, whatever the clock change does."""
    day = series.first
    while day <= series.last:
        if day.weekday() in series.weekdays and day not in series.without:
            start, end = instant(day, series.starts, zone), instant(day, series.ends, zone)
            if end > start:  # not swallowed by a gap
                yield Span(start, end)
        day += DAY
