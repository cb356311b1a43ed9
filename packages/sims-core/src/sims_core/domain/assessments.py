"""Coursework within a section: each assessment has a weight in percent, together at most 100."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

FULL = Decimal(100)


class WeightExceeded(ValueError):
    """The section's weights would pass 100 percent."""


def check_weight(others: Iterable[Decimal], weight: Decimal) -> None:
    """Raises ``WeightExceeded`` when ``weight`` does not fit beside ``others`` (percent)."""
    taken = sum(others, Decimal(0))
    if taken + weight > FULL:
        raise WeightExceeded(f"{taken} of 100 percent are taken; at most {FULL - taken} are left")


def weighted(scores: Iterable[tuple[Decimal, Decimal, Decimal]]) -> Decimal:
    """Percent earned of the section: Σ score / max × weight, to two places, halves up.

    ``scores`` yields (score, max score, weight). What has no score earns nothing.
    """
    earned = sum((score * weight / maximum for score, maximum, weight in scores), Decimal(0))
    return earned.quantize(Decimal("0.01"), ROUND_HALF_UP)
