"""When a schedule is due: cron in a time zone, DST included. Pure.

A job at a fixed time that a clock change skips runs right after the change; one that the
change repeats runs once (cronsim follows Debian's cron).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from sims_common.errors import ValidationFailed

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_FIELDS = 5
_WINDOWS = (
    timedelta(hours=2),
    timedelta(days=2),
    timedelta(days=40),
    timedelta(days=400),
    timedelta(days=366 * 9),
)
_SAMPLE = 64


class Cron:
    """Raises ``ValidationFailed`` for what is no cron expression or no time zone."""

    def __init__(self, expression: str, zone: str) -> None:
        self._expression = _MACROS.get(expression, expression)
        if len(self._expression.split()) != _FIELDS:
            raise ValidationFailed(
                f"schedule {expression!r}: write five fields, such as 30 2 * * *"
            )
        try:
            self._zone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValidationFailed(
                f"timeZone {zone!r} is no IANA time zone, such as Asia/Karachi"
            ) from None
        try:
            self.next(datetime.now(UTC))
        except (CronSimError, StopIteration) as error:
            raise ValidationFailed(
                f"schedule {expression!r}: {str(error) or 'never due'}"
            ) from None

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The slots later than ``moment``, rising, in UTC."""
        # An hour earlier in local time: a repeated hour would else hide its first half.
        local = (moment - timedelta(hours=1)).astimezone(self._zone)
        for tick in CronSim(self._expression, local):
            slot = tick.astimezone(UTC)
            if slot > moment:
                moment = slot
                yield slot

    def next(self, after: datetime) -> datetime:
        """The first slot later than ``after``."""
        return next(self.after(after))

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """The last slot in ``(after, until]``; its cost does not grow with the time between."""
        for window in _WINDOWS:
            start = max(after, until - window)
            found = None
            for slot in self.after(start):
                if slot > until:
                    break
                found = slot
            if found is not None or start == after:
                return found
        return None

    def interval(self, now: datetime) -> timedelta:
        """The longest time between two of the coming slots."""
        return max(b - a for a, b in pairwise(islice(self.after(now), _SAMPLE)))


def slot_name(schedule: str, slot: datetime) -> str:
    """``nightly-20261124t0200z``: one name for one slot, whoever makes it."""
    return f"{schedule[:200]}-{slot.astimezone(UTC):%Y%m%dt%H%Mz}"
