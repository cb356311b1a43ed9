"""Grades and GPA against an oracle that counts in whole hundredths."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sims_core.domain.grading import (
    Attempt,
    Band,
    NoBand,
    awarded,
    counting,
    flaws,
    gpa,
    grade,
    percent,
    totals,
)

DEFAULT = [
    Band(Decimal(low), letter, Decimal(points))
    for low, letter, points in [
        (90, "A+", "4.0"),
        (85, "A", "3.7"),
        (80, "B+", "3.3"),
        (75, "B", "3.0"),
        (70, "C+", "2.3"),
        (65, "C", "2.0"),
        (60, "D", "1.0"),
        (0, "F", "0.0"),
    ]
]

hundredths = st.integers(0, 9_999_999)
points = st.integers(0, 500).map(lambda n: Decimal(n) / 100)
credits_ = st.integers(0, 60)
attempts = st.lists(
    st.builds(
        Attempt,
        course=st.sampled_from("ABCD"),
        credits=credits_,
        score=st.integers(0, 10_000).map(lambda n: Decimal(n) / 100),
        points=points,
    ),
    max_size=12,
)


def rounded_share(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` to the nearest integer, halves up: the oracle's division."""
    return (2 * numerator + denominator) // (2 * denominator)


@given(obtained=hundredths, maximum=hundredths.filter(bool))
def test_percent_is_the_share_with_halves_rounded_up(obtained: int, maximum: int) -> None:
    found = percent(Decimal(obtained) / 100, Decimal(maximum) / 100)

    assert found * 100 == rounded_share(obtained * 100 * 100, maximum)
    assert found.as_tuple().exponent == -2


@pytest.mark.parametrize("maximum", ["0", "-1"])
def test_percent_of_nothing_is_an_error(maximum: str) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        percent(Decimal(0), Decimal(maximum))


@pytest.mark.parametrize(
    ("score", "letter"),
    [
        ("100", "A+"),
        ("90.00", "A+"),
        ("89.99", "A"),
        ("85", "A"),
        ("84.99", "B+"),
        ("80", "B+"),
        ("79.99", "B"),
        ("75", "B"),
        ("74.99", "C+"),
        ("70", "C+"),
        ("69.99", "C"),
        ("65", "C"),
        ("64.99", "D"),
        ("60", "D"),
        ("59.99", "F"),
        ("0", "F"),
    ],
)
def test_the_default_scheme_at_its_edges(score: str, letter: str) -> None:
    assert grade(Decimal(score), DEFAULT).letter == letter


@given(
    lows=st.sets(st.integers(0, 10_000), min_size=1, max_size=10),
    score=st.integers(0, 10_000),
    order=st.randoms(use_true_random=False),
)
def test_the_highest_band_that_is_reached_counts_in_any_order(
    lows: set[int],
    score: int,
    order: Random,
) -> None:
    scheme = [Band(Decimal(low) / 100, f"from {low}", Decimal(1)) for low in lows]
    order.shuffle(scheme)
    reached = [low for low in lows if low <= score]
    if not reached:
        with pytest.raises(NoBand, match="no band"):
            grade(Decimal(score) / 100, scheme)
    else:
        assert grade(Decimal(score) / 100, scheme).letter == f"from {max(reached)}"


@given(st.lists(st.tuples(points, credits_)))
def test_gpa_is_the_mean_weighted_by_credits(courses: list[tuple[Decimal, int]]) -> None:
    weight = sum(weight for _, weight in courses)
    value = sum(int(points * 100) * weight for points, weight in courses)

    found = gpa(courses)

    if weight == 0:
        assert found is None
    else:
        assert found is not None
        assert found * 100 == rounded_share(value, weight)


@given(attempts)
def test_each_course_counts_once_with_its_best_attempt(tries: list[Attempt]) -> None:
    counted = [a for a, counts in zip(tries, counting(tries), strict=True) if counts]

    assert sorted(a.course for a in counted) == sorted({a.course for a in tries})
    for chosen in counted:
        same = [a for a in tries if a.course == chosen.course]
        assert chosen.points == max(a.points for a in same)
        best = [a for a in same if a.points == chosen.points]
        assert chosen.score == max(a.score for a in best)


@given(attempts)
def test_totals_are_those_of_the_counted_attempts(tries: list[Attempt]) -> None:
    best: dict[str, Attempt] = {}
    for a in tries:
        if a.course not in best or (a.points, a.score) >= (
            best[a.course].points,
            best[a.course].score,
        ):
            best[a.course] = a

    found = totals(tries)

    assert found.credits == sum(a.credits for a in best.values())
    assert found.earned == sum(a.credits for a in best.values() if a.points)
    assert found.gpa == gpa([(a.points, a.credits) for a in best.values()])


def test_of_equal_attempts_the_latest_counts() -> None:
    tries = [Attempt("A", 3, Decimal(75), Decimal(3))] * 2

    assert counting(tries) == [False, True]


@given(score=st.integers(0, 10_000))
def test_who_failed_by_the_rules_gets_the_lowest_letter_and_no_points(score: int) -> None:
    percent_ = Decimal(score) / 100

    assert awarded(percent_, DEFAULT, failed=False) == grade(percent_, DEFAULT)
    assert awarded(percent_, DEFAULT, failed=True) == Band(Decimal(0), "F", Decimal(0))


@given(
    st.lists(
        st.builds(
            Band,
            min_percent=st.integers(0, 5).map(Decimal),
            letter=st.sampled_from("ABCDE"),
            points=st.integers(0, 3).map(Decimal),
        ),
        max_size=5,
    )
)
def test_a_scheme_is_sound_when_each_score_has_one_letter_and_more_is_never_worse(
    scheme: list[Band],
) -> None:
    lows = [band.min_percent for band in scheme]
    letters = [band.letter for band in scheme]
    sound = 0 in lows and len(set(lows)) == len(lows) and len(set(letters)) == len(letters)
    if sound:
        points_of = [grade(Decimal(score), scheme).points for score in range(101)]
        sound = points_of == sorted(points_of)

    assert (flaws(scheme) == []) == sound


def test_the_default_scheme_is_sound() -> None:
    assert flaws(DEFAULT) == []
