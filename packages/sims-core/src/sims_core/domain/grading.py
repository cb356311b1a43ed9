"""Percent → letter → grade points → GPA, computed here for screen, API and PDF alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True)
class Band:
    """From ``min_percent`` (0–100) upwards the letter is ``letter``, worth ``points``."""

    min_percent: Decimal
    letter: str
    points: Decimal


def percent(obtained: Decimal, maximum: Decimal) -> Decimal:
    """Share of the maximum in percent, to two places; halves round up.

    Raises ``ValueError`` when ``maximum`` is not positive.
    """
    if maximum <= 0:
        raise ValueError(f"maximum must be positive, not {maximum}")
    return (obtained * 100 / maximum).quantize(_HUNDREDTH, ROUND_HALF_UP)


def grade(score: Decimal, scheme: Sequence[Band]) -> Band:
    """The highest band that ``score`` (percent) reaches.

    Raises ``ValueError`` when the scheme leaves the score without a band.
    """
    reached = [band for band in scheme if score >= band.min_percent]
    if not reached:
        raise ValueError(f"no band of the grading scheme covers {score} %")
    return max(reached, key=lambda band: band.min_percent)


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
