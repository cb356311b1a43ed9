"""Retention as a pure function: ``(sets, policy, now)`` to what stays and why.

Rules, each with the loss that taught it (research: restic, barman, WAL-G, DBackup):

* Only verified sets fill the slots of a policy and its floor; a broken backup can't push
  out a good one. With no verified set nothing is deleted.
* Age counts back from the newest verified set, not from the clock: when backups stop
  or the clock jumps ahead, nothing ages.
* Order is the sequence. For its age, a set is never older than a verified set before it,
  so a clock that ran slow makes no set old. Calendar slots go by the set's own date.
* A set dated after now is kept and flagged, and fills no slot.
* Kept always: the newest verified, the floor, pins, locked sets, sets being restored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sims_backup.errors import Refused

__all__ = ["Decision", "Facts", "Policy", "Refused", "decide", "describe", "forecast"]

_SKEW = timedelta(hours=1)
_FORECAST_DAYS = 14


@dataclass(frozen=True)
class Policy:
    """Numbers of days (``days``) or of sets; 0 means the rule is off."""

    days: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    min_verified: int = 3
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def __post_init__(self) -> None:
        rules = (self.days, self.daily, self.weekly, self.monthly, self.yearly)
        if not any(rules):
            raise Refused(
                "the retention policy is empty: it would delete everything. Set "
                "SIMS_RETENTION_DAYS or a number of daily, weekly, monthly or yearly backups"
            )
        if min(rules) < 0 or self.min_verified < 1:
            raise Refused("retention: numbers can't be negative, the floor is at least 1")


@dataclass(frozen=True)
class Facts:
    """What retention needs to know of a set; ``created_at`` is aware."""

    id: str
    sequence: int
    created_at: datetime
    verified: bool
    pinned: bool = False
    locked_until: datetime | None = None
    in_use: bool = False


@dataclass(frozen=True)
class Decision:
    id: str
    keep: bool
    reasons: tuple[str, ...]


def decide(sets: Iterable[Facts], policy: Policy, now: datetime) -> list[Decision]:
    """One decision a set, in order of the sequence."""
    ordered = sorted(sets, key=lambda item: (item.sequence, item.created_at, item.id))
    future = {item.id for item in ordered if item.created_at > now + _SKEW}
    times = _monotone(ordered, future)
    verified = [item for item in ordered if item.verified and item.id not in future]
    reasons: dict[str, list[str]] = {item.id: [] for item in ordered}
    for item in ordered:
        reasons[item.id] += _always(item, item.id in future, now)
    if not verified:
        for item in ordered:
            reasons[item.id].append("no verified backup yet: nothing is deleted")
    else:
        _floor(verified, policy, reasons)
        _by_age(ordered, times, verified[-1], policy, reasons)
        _by_calendar(verified, policy, reasons)
    return [_decision(item, reasons[item.id]) for item in ordered]


def _decision(item: Facts, reasons: list[str]) -> Decision:
    if reasons:
        return Decision(item.id, keep=True, reasons=tuple(dict.fromkeys(reasons)))
    why = "no rule keeps it" if item.verified else "not verified, and a newer one is"
    return Decision(item.id, keep=False, reasons=(why,))


def _monotone(ordered: Sequence[Facts], future: set[str]) -> dict[str, datetime]:
    times: dict[str, datetime] = {}
    latest: datetime | None = None
    for item in ordered:
        if item.id in future:
            times[item.id] = item.created_at
            continue
        times[item.id] = item.created_at if latest is None else max(latest, item.created_at)
        if item.verified:
            latest = times[item.id]
    return times


def _always(item: Facts, in_future: bool, now: datetime) -> list[str]:
    found = []
    if item.pinned:
        found.append("pinned")
    if item.in_use:
        found.append("being restored")
    if item.locked_until is not None and item.locked_until > now:
        found.append(f"locked until {item.locked_until:%Y-%m-%d}")
    if in_future:
        found.append(f"dated in the future ({item.created_at:%Y-%m-%d}): check the clock")
    return found


def _floor(verified: Sequence[Facts], policy: Policy, reasons: dict[str, list[str]]) -> None:
    reasons[verified[-1].id].append("newest verified")
    for item in verified[-policy.min_verified :]:
        reasons[item.id].append(f"floor of {policy.min_verified} verified")


def _by_age(
    ordered: Sequence[Facts],
    times: dict[str, datetime],
    newest: Facts,
    policy: Policy,
    reasons: dict[str, list[str]],
) -> None:
    end = times[newest.id]
    for item in ordered:
        if not item.verified and item.sequence > newest.sequence:
            reasons[item.id].append("not verified yet")
        elif policy.days and times[item.id] > end - timedelta(days=policy.days):
            reasons[item.id].append(f"younger than {policy.days} days")


def _by_calendar(verified: Sequence[Facts], policy: Policy, reasons: dict[str, list[str]]) -> None:
    """The last verified set of each of the last n days, weeks, months, years that have one."""
    for count, label, slot in _slots(policy):
        taken: set[str] = set()
        for item in reversed(verified):
            name = slot(item.created_at.astimezone(policy.zone).date())
            if name in taken:
                continue
            if len(taken) == count:
                break
            taken.add(name)
            reasons[item.id].append(f"{label} {name}")


def _slots(policy: Policy) -> list[tuple[int, str, Callable[[date], str]]]:
    rules: list[tuple[int, str, Callable[[date], str]]] = [
        (policy.daily, "daily", lambda day: day.isoformat()),
        (policy.weekly, "weekly", lambda day: f"{day:%G-W%V}"),
        (policy.monthly, "monthly", lambda day: f"{day:%Y-%m}"),
        (policy.yearly, "yearly", lambda day: f"{day:%Y}"),
    ]
    return [rule for rule in rules if rule[0]]


def forecast(sets: Sequence[Facts], policy: Policy, now: datetime) -> dict[str, date]:
    """When each kept set goes, if one verified backup a day follows; within 14 days."""
    first = {item.id for item in decide(sets, policy, now) if item.keep}
    history = list(sets)
    last = max((item.sequence for item in history), default=0)
    going: dict[str, date] = {}
    for day in range(1, _FORECAST_DAYS + 1):
        then = now + timedelta(days=day)
        history.append(Facts(f"\0{day}", last + day, then, verified=True))
        known = [replace(item, in_use=False) for item in history]
        for item in decide(known, policy, then):
            if not item.keep and item.id in first:
                going.setdefault(item.id, then.astimezone(policy.zone).date())
    return going


def describe(when: date | None, today: date) -> str | None:
    """``goes tomorrow`` or ``goes on 2026-12-01``."""
    if when is None:
        return None
    return "goes tomorrow" if when == today + timedelta(days=1) else f"goes on {when}"
