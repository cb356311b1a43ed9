"""When a schedule is due: time zones, clock changes, leap days, long absence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sims_backup_operator.slots import Cron, slot_name
from sims_common.errors import ValidationFailed

EXPRESSIONS = ["30 2 * * *", "*/15 * * * *", "0 1 * * 0", "15 1,3 * * *", "0 0 1 * *", "5 * * * *"]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Karachi", "Australia/Lord_Howe"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots(expression: str, zone: str, start: str, end: str) -> list[str]:
    cron, moment, found = Cron(expression, zone), at(start), []
    while (moment := cron.next(moment)) <= at(end):
        found.append(f"{moment:%m-%dT%H:%M}")
    return found


def test_a_skipped_hour_runs_right_after_the_change() -> None:
    """Berlin, 29 March 2026: 02:00 becomes 03:00, so 02:30 does not exist."""
    assert slots("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00", "2026-03-30T23:00") == [
        "03-28T01:30",
        "03-29T01:00",
        "03-30T00:30",
    ]


def test_a_repeated_hour_runs_once() -> None:
    """Berlin, 25 October 2026: 02:30 comes twice."""
    found = slots("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00", "2026-10-26T23:00")
    assert found == ["10-24T00:30", "10-25T00:30", "10-26T01:30"]


def test_every_quarter_of_a_repeated_hour_runs() -> None:
    found = slots("*/15 * * * *", "Europe/Berlin", "2026-10-25T00:00", "2026-10-25T02:00")
    assert len(found) == 8


def test_the_leap_day_is_a_day() -> None:
    assert slots("0 3 29 2 *", "UTC", "2024-01-01T00:00", "2033-01-01T00:00") == [
        "02-29T03:00",
        "02-29T03:00",
        "02-29T03:00",
    ]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001  made aware below
    st.integers(0, 200_000),
)
def test_latest_is_the_last_of_next(
    expression: str, zone: str, start: datetime, minutes: int
) -> None:
    """Looking back from now finds what a watch that never slept would have found."""
    cron, after = Cron(expression, zone), start.replace(tzinfo=UTC)
    until = after + timedelta(minutes=minutes % 6_000)
    last, moment = None, cron.next(after)
    while moment <= until:
        last, moment = moment, cron.next(moment)
    assert cron.latest(after, until) == last


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES), st.integers(0, 3 * 365 * 24 * 60))
def test_slots_rise_and_have_names_of_their_own(expression: str, zone: str, minutes: int) -> None:
    moment = at("2025-01-01T00:00") + timedelta(minutes=minutes)
    found = list(islice(Cron(expression, zone).after(moment), 50))
    assert found == sorted(set(found))
    assert len({slot_name("nightly", item) for item in found}) == len(found)


def test_years_of_absence_cost_no_more_than_a_day() -> None:
    found = Cron("* * * * *", "UTC").latest(at("2001-01-01T00:00"), at("2026-03-01T12:00"))
    assert found == at("2026-03-01T12:00")


@pytest.mark.parametrize(
    ("expression", "zone", "words"),
    [
        ("30 2 * *", "UTC", "five fields"),
        ("61 2 * * *", "UTC", "61 2"),
        ("0 0 30 2 *", "UTC", "0 0 30 2"),
        ("0 0 * * *", "Mars/Olympus", "IANA"),
        ("0 0 * * *", "../etc/passwd", "IANA"),
    ],
)
def test_nonsense_is_refused_with_words(expression: str, zone: str, words: str) -> None:
    with pytest.raises(ValidationFailed, match=words):
        Cron(expression, zone)


def test_interval_is_the_longest_between_two() -> None:
    cron = Cron("0 2 * * 1-5", "UTC")
    assert cron.interval(at("2026-03-04T00:00")) == timedelta(days=3)
