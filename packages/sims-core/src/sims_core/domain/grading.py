"""Percent → letter → grade points → GPA, computed here for screen, API and PDF alike.

A repeated course: every attempt stays on the record, the best one counts, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

_HUNDREDTH = Decimal("0.01")


class NoBand(ValueError):
    """The grading scheme leaves a score without a letter: the scheme has to be completed."""


@dataclass(frozen=True)
class Band:
    """From ``min_percent`` (0–100) upwards the letter is ``letter``, worth ``points``."""

    min_percent: Decimal
    letter: str
    points: Decimal


@dataclass(frozen=True)
class Attempt:
    """One graded try at a course; ``course`` tells courses apart, ``score`` is in percent."""

    course: str
    credits: int
    score: Decimal
    points: Decimal


@dataclass(frozen=True)
class Totals:
    """``credits`` weigh in the GPA, ``earned`` were passed; ``gpa`` is None without credits."""

    credits: int
    earned: int
    gpa: Decimal | None


def percent(obtained: Decimal, maximum: Decimal) -> Decimal:
    """Share of the maximum in percent, to two places; halves round up.

    Raises ``ValueError`` when ``maximum`` is not positive.
    """
    if maximum <= 0:
        raise ValueError(f"maximum must be positive, not {maximum}")
    return (obtained * 100 / maximum).quantize(_HUNDREDTH, ROUND_HALF_UP)


def grade(score: Decimal, scheme: Sequence[Band]) -> Band:
    """The highest band that ``score`` (percent) reaches.

    Raises ``NoBand`` when the scheme leaves the score without one.
    """
    reached = [band for band in scheme if score >= band.min_percent]
    if not reached:
        raise NoBand(f"no band of the grading scheme covers {score} %")
    return max(reached, key=lambda band: band.min_percent)


def awarded(score: Decimal, scheme: Sequence[Band], *, failed: bool) -> Band:
    """The grade of a result. One that failed by its rules gets the lowest letter, no points.

    A candidate may reach 80 % and fail a mandatory component: the letter must not say B+.
    Raises ``NoBand`` when the scheme leaves the score without a letter.
    """
    reached = grade(score, scheme)
    if not failed:
        return reached
    lowest = min(scheme, key=lambda band: band.min_percent)
    return Band(lowest.min_percent, lowest.letter, Decimal(0))


def flaws(scheme: Sequence[Band]) -> list[str]:
    """What keeps ``scheme`` from giving every score one letter, with better scores never worse.

    Empty when it is sound.
    """
    if not scheme:
        return ["A scheme needs at least one band."]
    found = []
    ordered = sorted(scheme, key=lambda band: band.min_percent)
    if ordered[0].min_percent != 0:
        found.append("The lowest band must start at 0 percent.")
    for lower, upper in pairwise(ordered):
        if lower.min_percent == upper.min_percent:
            found.append(f"Two bands start at {upper.min_percent} percent.")
        elif lower.points > upper.points:
            found.append(
                f"{upper.letter} is worth less than {lower.letter}, which takes a lower score."
            )
    letters = [band.letter for band in scheme]
    found += [
        f"The letter {letter} is given twice."
        for letter in dict.fromkeys(letters)
        if letters.count(letter) > 1
    ]
    return found


def gpa(courses: Iterable[tuple[Decimal, int]]) -> Decimal | None:
    """Mean of grade points weighted by credits, to two places; None without credits.

    ``courses`` yields (grade points, credits).
    """
    points = Decimal(0)
    credits_ = 0
    for value, weight in courses:
        points += value * weight
        credits_ += weight
    return (points / credits_).quantize(_HUNDREDTH, ROUND_HALF_UP) if credits_ else None


def counting(attempts: Sequence[Attempt]) -> list[bool]:
    """Which attempts count: of each course the best, of equals the latest.

    ``attempts`` come in the order of time. The better of the grades counts however often a
    course is repeated, so a repetition never lowers the CGPA nor earns credits twice.
    """
    best: dict[str, int] = {}
    for index, attempt in enumerate(attempts):
        held = best.get(attempt.course)
        if held is None or _rank(attempt) >= _rank(attempts[held]):
            best[attempt.course] = index
    chosen = set(best.values())
    return [index in chosen for index in range(len(attempts))]


def _rank(attempt: Attempt) -> tuple[Decimal, Decimal]:
    return attempt.points, attempt.score


def totals(attempts: Sequence[Attempt]) -> Totals:
    """Credits and GPA over ``attempts``, each course once. No points means not passed."""
    counted = [a for a, counts in zip(attempts, counting(attempts), strict=True) if counts]
    return Totals(
        credits=sum(attempt.credits for attempt in counted),
        earned=sum(attempt.credits for attempt in counted if attempt.points > 0),
        gpa=gpa((attempt.points, attempt.credits) for attempt in counted),
    )
