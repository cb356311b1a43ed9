"""Series against a written-out oracle, in zones that change their clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from sims_core.domain.timetable import Weekly, instant, spans

ZONES = st.sampled_from(
    [
        "Asia/Karachi",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",  # half an hour
        "Africa/Casablanca",
        "Pacific/Apia",  # a day was skipped in 2011
        "UTC",
    ]
).map(ZoneInfo)
DAYS = st.dates(date(2010, 1, 1), date(2030, 12, 1))
MINUTES = st.integers(0, 24 * 60 - 2)


def at(minute: int) -> time:
    return time(minute // 60, minute % 60)


@given(DAYS, MINUTES, ZONES)
def test_an_instant_is_the_wall_clock_unless_the_clocks_skip_it(
    day: date, minute: int, zone: ZoneInfo
) -> None:
    found = instant(day, at(minute), zone).astimezone(zone)
    wanted = datetime.combine(day, at(minute))
    exists = any(
        (datetime.combine(day, at(minute), UTC) + timedelta(minutes=m))
        .astimezone(zone)
        .replace(tzinfo=None)
        == wanted
        for m in range(-14 * 60, 14 * 60 + 1, 30)
    )
    if exists:
        assert found.replace(tzinfo=None) == wanted
    else:
        assert found.replace(tzinfo=None) > wanted


@given(
    first=DAYS,
    length=st.integers(0, 60),
    weekdays=st.sets(st.integers(0, 6), min_size=1),
    start=MINUTES,
    minutes=st.integers(1, 180),
    zone=ZONES,
    off=st.sets(st.integers(0, 60), max_size=5),
)
def test_a_series_is_each_day_of_it_in_order(
    first: date,
    length: int,
    weekdays: set[int],
    start: int,
    minutes: int,
    zone: ZoneInfo,
    off: set[int],
) -> None:
    end = min(start + minutes, 24 * 60 - 1)
    without = {first + timedelta(days=n) for n in off}
    last = first + timedelta(days=length)
    found = list(spans(Weekly(first, last, weekdays, at(start), at(end), without), zone))
    days = []
    for n in range(length + 1):
        day = first + timedelta(days=n)
        names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        meant = names.index(f"{day:%a}") in weekdays and day not in without
        if meant and instant(day, at(end), zone) > instant(day, at(start), zone):
            days.append(day)
    assert [span.starts_at for span in found] == [instant(day, at(start), zone) for day in days]
    assert all(span.starts_at < span.ends_at for span in found)


def test_a_leap_day_is_a_day() -> None:
    weekly = Weekly(date(2028, 2, 28), date(2028, 3, 1), range(7), time(0, 30), time(1))
    found = [span.starts_at for span in spans(weekly, ZoneInfo("Asia/Karachi"))]
    assert found == [datetime(2028, 2, n, 19, 30, tzinfo=UTC) for n in (27, 28, 29)]
