"""Eligibility and days, against an oracle that is written out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sims_core.domain.attendance import (
    AttendanceStatus,
    Entry,
    Tally,
    entry,
    is_eligible,
    session_day,
)

STATUSES = st.lists(st.sampled_from(AttendanceStatus), max_size=300)
THRESHOLDS = st.decimals(0, 100, places=2)


@given(STATUSES, THRESHOLDS, st.booleans())
def test_eligibility_is_what_the_rule_says(
    statuses: list[AttendanceStatus], threshold: Decimal, exempt: bool
) -> None:
    attended = 0
    for status in statuses:
        if status.value in ("PRESENT", "LATE"):
            attended += 1
    if exempt:
        expected = True
    elif len(statuses) == 0:
        expected = False
    else:
        expected = Fraction(attended, len(statuses)) * 100 >= Fraction(threshold)
    assert is_eligible(Tally.count(statuses), threshold, exempt=exempt) is expected


@given(STATUSES)
def test_the_percentage_is_the_share_to_two_places(statuses: list[AttendanceStatus]) -> None:
    tally = Tally.count(statuses)
    assert tally.recorded == len(statuses)
    if not statuses:
        assert tally.percentage == 0
        return
    exact = Fraction(sum(s in ("PRESENT", "LATE") for s in statuses) * 100, len(statuses))
    assert abs(Fraction(tally.percentage) - exact) <= Fraction(1, 200)
    assert tally.percentage.as_tuple().exponent == -2


@given(STATUSES, st.sampled_from(AttendanceStatus), THRESHOLDS)
def test_coming_never_harms_and_missing_never_helps(
    statuses: list[AttendanceStatus], more: AttendanceStatus, threshold: Decimal
) -> None:
    before = Tally.count(statuses).reaches(threshold)
    after = Tally.count([*statuses, more]).reaches(threshold)
    if more in (AttendanceStatus.PRESENT, AttendanceStatus.LATE):
        assert after or not before
    elif statuses:
        assert before or not after


def test_exactly_the_threshold_passes_and_a_hair_less_does_not() -> None:
    assert Tally(present=3, absent=1).reaches(Decimal(75))
    almost = Tally(present=74_999, absent=25_001)
    assert not almost.reaches(Decimal(75))
    assert Tally(present=749_999, absent=250_001).percentage == Decimal("75.00")
    assert not Tally(present=749_999, absent=250_001).reaches(Decimal(75))
    assert not Tally().reaches(Decimal(0))
    with pytest.raises(ValueError, match="SICK"):
        Tally.of({"SICK": 1})


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(-400, 400), st.integers(0, 365))
def test_a_day_is_free_needs_a_reason_is_locked_or_not_yet(
    today: date, ago: int, lock_days: int
) -> None:
    day = today - timedelta(days=ago)
    if ago < 0:
        expected = Entry.NOT_YET
    elif ago == 0:
        expected = Entry.FREE
    elif ago <= lock_days:
        expected = Entry.NEEDS_REASON
    else:
        expected = Entry.LOCKED
    assert entry(day, today, lock_days) is expected


@pytest.mark.parametrize(
    ("at", "zone", "day"),
    [
        # UTC+5: what the server calls yesterday evening is today there.
        (datetime(2026, 3, 1, 18, 59, tzinfo=UTC), "Asia/Karachi", date(2026, 3, 1)),
        (datetime(2026, 3, 1, 19, 0, tzinfo=UTC), "Asia/Karachi", date(2026, 3, 2)),
        (datetime(2028, 2, 28, 19, 0, tzinfo=UTC), "Asia/Karachi", date(2028, 2, 29)),
        (datetime(2028, 2, 29, 19, 0, tzinfo=UTC), "Asia/Karachi", date(2028, 3, 1)),
        # the hour that is skipped and the one that comes twice
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 28)),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 29)),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), "Europe/Berlin", date(2026, 10, 25)),
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), "Europe/Berlin", date(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), "Europe/Berlin", date(2026, 10, 26)),
    ],
)
def test_a_session_is_on_the_institutions_day(at: datetime, zone: str, day: date) -> None:
    assert session_day(at, ZoneInfo(zone)) == day
