"""Passing rules against an oracle that is written out case by case, in whole hundredths."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sims_core.domain.passing import (
    Component,
    ComponentOutcome,
    Mark,
    MarkRefused,
    PassingMode,
    Policy,
    evaluate,
)


def money(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value) / 100


@dataclass(frozen=True)
class Part:
    """A component and its entry in hundredths; ``entry`` is a number, ``absent`` or ``open``."""

    maximum: int
    pass_marks: int | None
    pass_percent: int | None
    mandatory: bool
    entry: int | str


@st.composite
def parts(draw: st.DrawFn) -> Part:
    maximum = draw(st.integers(1, 20_000))
    return Part(
        maximum=maximum,
        pass_marks=draw(st.none() | st.integers(0, maximum)),
        pass_percent=draw(st.none() | st.integers(0, 10_000)),
        mandatory=draw(st.booleans()),
        entry=draw(st.sampled_from(["absent", "open"]) | st.integers(0, maximum)),
    )


@dataclass(frozen=True)
class Rules:
    mode: str
    total_marks: int | None
    total_percent: int | None
    any_fail: bool


rules = st.builds(
    Rules,
    mode=st.sampled_from(["TOTAL_ONLY", "COMPONENT_WISE", "HYBRID"]),
    total_marks=st.none() | st.integers(0, 40_000),
    total_percent=st.none() | st.integers(0, 10_000),
    any_fail=st.booleans(),
)


def oracle_part(part: Part) -> str:
    if part.entry == "open":
        return "NA"
    if part.entry == "absent":
        return "FAIL"
    assert isinstance(part.entry, int)
    if part.pass_marks is not None:
        return "PASS" if part.entry >= part.pass_marks else "FAIL"
    if part.pass_percent is not None:
        return "PASS" if part.entry * 10_000 >= part.pass_percent * part.maximum else "FAIL"
    return "PASS" if part.entry > 0 else "FAIL"


def oracle_total(rule: Rules, total: int, maximum: int) -> str:
    if rule.total_marks is not None:
        return "PASS" if total >= rule.total_marks else "FAIL"
    if rule.total_percent is not None:
        return "PASS" if total * 10_000 >= rule.total_percent * maximum else "FAIL"
    return "PENDING"


def oracle_is_open(exam: list[Part]) -> bool:
    if all(part.entry == "open" for part in exam):
        return True
    return any(part.mandatory and part.entry == "open" for part in exam)


def oracle(rule: Rules, exam: list[Part]) -> str:
    if oracle_is_open(exam):
        return "PENDING"
    total = sum(part.entry for part in exam if isinstance(part.entry, int))
    by_total = oracle_total(rule, total, sum(part.maximum for part in exam))
    by_parts = "PASS"
    for part in exam:
        if oracle_part(part) == "FAIL" and (part.mandatory or rule.any_fail):
            by_parts = "FAIL"
    if rule.mode == "TOTAL_ONLY":
        return by_total
    if rule.mode == "COMPONENT_WISE":
        return by_parts
    if "FAIL" in (by_total, by_parts):
        return "FAIL"
    return by_total


def built(rule: Rules, exam: list[Part]) -> tuple[Policy, list[Component], dict[int, Mark]]:
    policy = Policy(
        mode=PassingMode(rule.mode),
        pass_total_marks=money(rule.total_marks),
        pass_total_percent=money(rule.total_percent),
        fail_if_any_component_fail=rule.any_fail,
    )
    components = [
        Component(
            key=n,
            max_marks=Decimal(part.maximum) / 100,
            pass_marks=money(part.pass_marks),
            pass_percent=money(part.pass_percent),
            mandatory=part.mandatory,
        )
        for n, part in enumerate(exam)
    ]
    marks = {
        n: Mark(None if part.entry == "absent" else Decimal(part.entry) / 100)
        for n, part in enumerate(exam)
        if part.entry != "open"
    }
    return policy, components, marks


@given(rule=rules, exam=st.lists(parts(), min_size=1, max_size=5))
def test_every_mode_agrees_with_the_oracle(rule: Rules, exam: list[Part]) -> None:
    found = evaluate(*built(rule, exam))

    assert found.outcome == oracle(rule, exam)
    assert [found.components[n] for n in range(len(exam))] == [oracle_part(p) for p in exam]
    assert found.total_obtained * 100 == sum(p.entry for p in exam if isinstance(p.entry, int))
    assert found.total_max * 100 == sum(p.maximum for p in exam)
    assert 0 <= found.total_obtained <= found.total_max


@given(rule=rules, exam=st.lists(parts(), min_size=1, max_size=5), data=st.data())
def test_a_better_mark_never_turns_a_pass_into_a_fail(
    rule: Rules, exam: list[Part], data: st.DataObject
) -> None:
    if evaluate(*built(rule, exam)).outcome != "PASS":
        return
    n = data.draw(st.integers(0, len(exam) - 1))
    part = exam[n]
    low = part.entry if isinstance(part.entry, int) else 0
    better = data.draw(st.integers(max(low, 1), part.maximum)) if low < part.maximum else low
    passing = part.pass_marks or 0
    needed = -(-(part.pass_percent or 0) * part.maximum // 10_000)
    if not isinstance(part.entry, int):  # an entry where there was none may be below the bar
        better = max(better, passing, needed, 1)
    exam[n] = Part(part.maximum, part.pass_marks, part.pass_percent, part.mandatory, better)

    assert evaluate(*built(rule, exam)).outcome == "PASS"


@given(part=parts(), excess=st.integers(1, 1000), below=st.booleans())
def test_a_mark_out_of_bounds_is_refused(part: Part, excess: int, below: bool) -> None:
    _, (component,), _ = built(Rules("TOTAL_ONLY", None, None, any_fail=False), [part])
    wrong = Decimal(-excess if below else part.maximum + excess) / 100

    with pytest.raises(MarkRefused, match="is not between 0 and"):
        evaluate(Policy(), [component], {0: Mark(wrong)})


def test_a_share_just_below_the_bar_does_not_round_up_to_it() -> None:
    """59.998 % is below 60 %, though it prints as 60.00."""
    component = Component(1, Decimal(500))
    policy = Policy(pass_total_percent=Decimal(60))

    assert evaluate(policy, [component], {1: Mark(Decimal("299.99"))}).outcome == "FAIL"
    assert evaluate(policy, [component], {1: Mark(Decimal("300.00"))}).outcome == "PASS"


def test_an_absent_candidate_is_complete_and_fails_the_component() -> None:
    component = Component(1, Decimal(50))
    found = evaluate(Policy(mode=PassingMode.COMPONENT_WISE), [component], {1: Mark(None)})

    assert found.complete
    assert found.outcome == "FAIL"
    assert found.total_obtained == 0
    assert found.components == {1: ComponentOutcome.FAIL}
