"""Retention: examples a person can check, and properties over random histories."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sims_backup.contract.retention import Facts, Policy, decide, describe, forecast
from sims_backup.errors import Refused

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def daily(count: int, end: datetime = NOW) -> list[Facts]:
    """One verified set a day, the last at ``end``."""
    return [Facts(f"d{n}", n, end - (count - n) * DAY, verified=True) for n in range(1, count + 1)]


def kept(sets: list[Facts], policy: Policy, now: datetime = NOW) -> list[str]:
    return [item.id for item in decide(sets, policy, now) if item.keep]


def test_days() -> None:
    assert kept(daily(20), Policy(days=7)) == [f"d{n}" for n in range(14, 21)]


def test_grandfather_father_son() -> None:
    found = decide(daily(400), Policy(daily=7, weekly=4, monthly=12, yearly=2), NOW)
    reasons = {item.id: item.reasons for item in found if item.keep}
    assert "monthly 2026-09" in reasons["d345"]  # 30 September is 55 days back
    assert "yearly 2025" in reasons["d72"]  # 31 December
    assert "weekly 2026-W47" in reasons["d398"]  # Sunday 22 November
    assert len(reasons) == 7 + 2 + 11  # some sets have several reasons


def test_the_floor_stays_whatever_the_rules_say() -> None:
    sets = [Facts(f"m{n}", n, NOW - 30 * (9 - n) * DAY, verified=True) for n in range(1, 10)]
    assert kept(sets, Policy(yearly=1, min_verified=4)) == ["m6", "m7", "m8", "m9"]
    broken = [Facts(f"b{n}", 9 + n, NOW, verified=False) for n in range(1, 4)]
    assert kept([*sets, *broken], Policy(yearly=1, min_verified=1))[0] == "m9"


def test_pins_and_sets_in_use_stay() -> None:
    sets = daily(20)
    sets[0] = replace(sets[0], pinned=True)
    sets[1] = replace(sets[1], in_use=True)
    sets[2] = replace(sets[2], locked_until=NOW + DAY)
    assert kept(sets, Policy(days=1, min_verified=1)) == ["d1", "d2", "d3", "d20"]


def test_nothing_ages_when_backups_stop() -> None:
    sets = daily(7)
    assert kept(sets, Policy(days=7), NOW + 400 * DAY) == [item.id for item in sets]


def test_a_jump_of_the_clock_ahead_deletes_nothing() -> None:
    assert len(kept(daily(7), Policy(days=7), NOW + 3650 * DAY)) == 7


def test_a_set_of_a_slow_clock_is_not_old() -> None:
    slow = Facts("slow", 8, datetime(1970, 1, 1, tzinfo=UTC), verified=True)
    assert "slow" in kept([*daily(7), slow, Facts("next", 9, NOW, verified=True)], Policy(days=2))


def test_future_sets_stay_and_take_no_place() -> None:
    future = [Facts(f"f{n}", 100 + n, NOW + 900 * DAY, verified=True) for n in range(50)]
    found = decide([*daily(5), *future], Policy(daily=3, min_verified=3), NOW)
    reasons = {item.id: item.reasons for item in found if item.keep}
    assert {"d3", "d4", "d5"} <= reasons.keys()
    assert reasons["f0"] == ("dated in the future (2029-05-12): check the clock",)


def test_broken_sets_take_no_place() -> None:
    broken = [Facts(f"b{n}", 100 + n, NOW, verified=False) for n in range(30)]
    found = kept([*daily(10), *broken], Policy(daily=5))
    assert {f"d{n}" for n in range(6, 11)} <= set(found)


def test_without_a_verified_set_nothing_goes() -> None:
    sets = [Facts(f"u{n}", n, NOW - n * 30 * DAY, verified=False) for n in range(1, 40)]
    assert len(kept(sets, Policy(days=1))) == 39


def test_days_are_those_of_the_school() -> None:
    """00:30 in Karachi is the day before in UTC."""
    first = Facts("first", 1, datetime(2026, 11, 22, 19, 30, tzinfo=UTC), verified=True)
    second = Facts("second", 2, datetime(2026, 11, 22, 20, 30, tzinfo=UTC), verified=True)
    policy = Policy(daily=5, min_verified=1, zone=ZoneInfo("Asia/Karachi"))
    assert kept([first, second], policy) == ["second"]
    west = Facts("west", 3, datetime(2026, 11, 22, 18, 59, tzinfo=UTC), verified=True)
    assert "first" not in kept([first, second, west], policy)


@pytest.mark.parametrize(
    "numbers", [{}, {"days": 0, "daily": 0}, {"days": -1}, {"daily": 1, "min_verified": 0}]
)
def test_an_empty_or_absurd_policy_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(Refused):
        Policy(**numbers)  # type: ignore[arg-type]  # numbers only


def test_forecast_says_what_goes_tomorrow() -> None:
    sets = daily(10)
    policy = Policy(days=7, min_verified=1)
    present = [item for item in sets if item.id in kept(sets, policy)]
    going = forecast(present, policy, NOW)
    assert describe(going["d4"], NOW.date()) == "goes tomorrow"
    assert describe(going["d10"], NOW.date()) == "goes on 2026-12-01"
    assert describe(None, NOW.date()) is None


facts = st.builds(
    Facts,
    id=st.uuids().map(str),
    sequence=st.integers(0, 60),
    created_at=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001  made aware next
        lambda t: t.replace(tzinfo=UTC)
    ),
    verified=st.booleans(),
    pinned=st.booleans(),
    in_use=st.booleans(),
)
policies = st.builds(
    Policy,
    days=st.integers(0, 40),
    daily=st.integers(0, 10),
    weekly=st.integers(0, 6),
    monthly=st.integers(0, 14),
    yearly=st.integers(1, 3),
    min_verified=st.integers(1, 5),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(facts, max_size=30), policies)
def test_properties(sets: list[Facts], policy: Policy) -> None:
    check(sets, policy, NOW)


def check(sets: list[Facts], policy: Policy, now: datetime) -> None:
    """What must hold for any history."""
    found = {item.id: item for item in decide(sets, policy, now)}
    assert found.keys() == {item.id for item in sets}
    gone = [item for item in sets if not found[item.id].keep]
    assert not any(item.pinned or item.in_use for item in gone)
    assert not any(item.created_at > now + timedelta(hours=1) for item in gone)
    assert all(found[item.id].reasons for item in sets)
    order = sorted(sets, key=lambda s: (s.sequence, s.created_at, s.id))
    real = [s for s in order if s.verified and s.created_at <= now + timedelta(hours=1)]
    if not real:
        assert not gone
        return
    assert found[real[-1].id].keep
    assert all(found[item.id].keep for item in real[-policy.min_verified :])
    # Unverified sets change nothing for verified ones.
    alone = {d.id: d.keep for d in decide([s for s in sets if s.verified], policy, now)}
    assert all(alone[s.id] == found[s.id].keep for s in sets if s.verified)
    # A second run deletes nothing more.
    left = [item for item in sets if found[item.id].keep]
    assert all(item.keep for item in decide(left, policy, now))


@pytest.mark.long
def test_properties_over_a_hundred_thousand_histories() -> None:
    """Schools over time: outages, failures, pins, clocks that jump, prune at each step."""
    source = random.Random(20261124)
    for _ in range(100_000):
        check(*_history(source))


def _history(source: random.Random) -> tuple[list[Facts], Policy, datetime]:
    policy = Policy(
        days=source.choice([0, 1, 7, 30]),
        daily=source.randrange(8),
        weekly=source.randrange(5),
        monthly=source.randrange(13),
        yearly=source.randrange(1, 3),
        min_verified=source.randrange(1, 5),
        zone=ZoneInfo(source.choice(["UTC", "Asia/Karachi", "America/New_York"])),
    )
    clock = datetime(2025, 1, 1, 2, tzinfo=UTC)
    sets = []
    for sequence in range(source.randrange(1, 25)):
        clock += timedelta(hours=source.choice([1, 24, 24, 24, 24 * 7, 24 * 90]))
        jump = timedelta(days=source.choice([0] * 12 + [-4000, -30, 30, 4000]))
        sets.append(
            Facts(
                str(sequence),
                sequence,
                clock + jump,
                verified=source.random() < 0.8,
                pinned=source.random() < 0.05,
                in_use=source.random() < 0.02,
            )
        )
    return sets, policy, clock + timedelta(hours=source.choice([0, 1, 24, 9000]))
