"""Weights of a section and the paths of a request."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sims_core.domain.assessments import WeightExceeded, check_weight, weighted
from sims_core.domain.requests import RequestStatus, may_follow

weights = st.integers(0, 10_000).map(lambda n: Decimal(n) / 100)


@given(others=st.lists(weights, max_size=6), weight=weights)
def test_weights_fit_up_to_exactly_100(others: list[Decimal], weight: Decimal) -> None:
    hundredths = sum(int(w * 100) for w in [*others, weight])
    if hundredths > 10_000:
        with pytest.raises(WeightExceeded, match="are taken"):
            check_weight(others, weight)
    else:
        check_weight(others, weight)


@given(
    st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(1, 10_000), st.integers(0, 2500)), max_size=4
    )
)
def test_the_weighted_percent_is_the_exact_sum_rounded_half_up(
    scores: list[tuple[int, int, int]],
) -> None:
    within = [(min(score, maximum), maximum, weight) for score, maximum, weight in scores]
    found = weighted([(Decimal(s), Decimal(m), Decimal(w) / 100) for s, m, w in within])
    exact = sum((Fraction(s * w, m) for s, m, w in within), Fraction(0))

    assert abs(Fraction(found) * 100 - exact) <= Fraction(1, 2)


def test_a_request_goes_one_way_and_skips_nothing() -> None:
    allowed = {(a.value, b.value) for a in RequestStatus for b in RequestStatus if may_follow(a, b)}

    assert allowed == {
        ("pending", "under_review"),
        ("under_review", "approved"),
        ("under_review", "rejected"),
        ("approved", "completed"),
    }
