"""Time: stored in UTC, counted in days of the institution's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    return datetime.now(UTC)


def today(zone: ZoneInfo) -> date:
    """The institution's date, never the server's."""
    return datetime.now(zone).date()
