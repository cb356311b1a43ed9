"""When the daily backup is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sims_cli.backup_schedule import DAY, due

KARACHI, BERLIN = ZoneInfo("Asia/Karachi"), ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("newest", "now", "zone", "expected"),
    [
        (None, "2026-11-24 10:00", KARACHI, "2026-11-24 10:00"),  # never: at once
        ("2026-11-20 21:00", "2026-11-24 10:00", KARACHI, "2026-11-24 10:00"),  # one catch-up
        ("2026-11-23 21:00", "2026-11-24 10:00", KARACHI, "2026-11-24 21:00"),  # 02:00 there
        ("2026-11-24 20:59", "2026-11-24 20:59", KARACHI, "2026-11-24 21:00"),
        ("2026-11-24 21:00", "2026-11-24 21:00", KARACHI, "2026-11-25 21:00"),
        ("2026-03-28 02:00", "2026-03-28 12:00", BERLIN, "2026-03-29 01:00"),  # 02:00 is skipped
        ("2026-10-24 02:00", "2026-10-24 12:00", BERLIN, "2026-10-25 00:00"),  # and comes twice
    ],
)
def test_due(newest: str | None, now: str, zone: ZoneInfo, expected: str) -> None:
    assert due(at(newest) if newest else None, at(now), zone) == at(expected)


moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 (bounds take no zone)
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(moments, st.timedeltas(timedelta(0), DAY), st.sampled_from([KARACHI, BERLIN]))
def test_the_next_is_later_and_within_a_day_and_an_hour(
    now: datetime, age: timedelta, zone: ZoneInfo
) -> None:
    slot = due(now - age, now, zone)
    assert now < slot <= now + DAY + timedelta(hours=1)
