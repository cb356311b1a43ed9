"""From the marks of components to a total and an outcome. Totals are computed, never typed.

A component is passed by its ``pass_marks``, else by its ``pass_percent``, else by any mark
above zero. An absent candidate has no marks and fails the component. A component without an
entry is open: open and mandatory, it leaves the result incomplete and so ``PENDING``; open and
optional, it adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sims_core.domain.results import Outcome

NOTHING = Decimal(0)


class PassingMode(StrEnum):
    TOTAL_ONLY = "TOTAL_ONLY"
    COMPONENT_WISE = "COMPONENT_WISE"
    HYBRID = "HYBRID"  # the total and the components


class ComponentOutcome(StrEnum):
    PASS = "PASS"  # noqa: S105 (no password)
    FAIL = "FAIL"
    NA = "NA"  # no entry yet


class MarkRefused(ValueError):
    """A mark that its component cannot take."""


@dataclass(frozen=True)
class Component:
    """A part of an exam; ``key`` tells it apart from the others of the exam."""

    key: int
    max_marks: Decimal
    pass_marks: Decimal | None = None
    pass_percent: Decimal | None = None
    mandatory: bool = True


@dataclass(frozen=True)
class Policy:
    """When an exam is passed. The marks count before the percent, if both are given."""

    mode: PassingMode = PassingMode.TOTAL_ONLY
    pass_total_marks: Decimal | None = None
    pass_total_percent: Decimal | None = None
    fail_if_any_component_fail: bool = False


@dataclass(frozen=True)
class Mark:
    """An entry: ``obtained`` marks, or None for an absent candidate."""

    obtained: Decimal | None

    @property
    def absent(self) -> bool:
        return self.obtained is None


@dataclass(frozen=True)
class Evaluation:
    """What the marks amount to; ``components`` has an outcome for each key."""

    total_obtained: Decimal
    total_max: Decimal
    complete: bool
    outcome: Outcome
    components: Mapping[int, ComponentOutcome]


def check_mark(component: Component, mark: Mark) -> None:
    """Raises ``MarkRefused`` unless the marks are between 0 and the component's maximum."""
    if mark.obtained is not None and not NOTHING <= mark.obtained <= component.max_marks:
        raise MarkRefused(f"{mark.obtained} is not between 0 and {component.max_marks}")


def evaluate(
    policy: Policy, components: Sequence[Component], marks: Mapping[int, Mark]
) -> Evaluation:
    """The result of one candidate. Raises ``MarkRefused`` for a mark out of bounds."""
    outcomes = {c.key: component_outcome(c, marks.get(c.key)) for c in components}
    entered = [marks[c.key] for c in components if c.key in marks]
    total = sum((mark.obtained or NOTHING for mark in entered), NOTHING)
    maximum = sum((c.max_marks for c in components), NOTHING)
    complete = bool(entered) and all(c.key in marks for c in components if c.mandatory)
    return Evaluation(
        total_obtained=total,
        total_max=maximum,
        complete=complete,
        outcome=_outcome(policy, components, outcomes, total, maximum)
        if complete
        else Outcome.PENDING,
        components=outcomes,
    )


def component_outcome(component: Component, mark: Mark | None) -> ComponentOutcome:
    if mark is None:
        return ComponentOutcome.NA
    check_mark(component, mark)
    if mark.obtained is None:
        return ComponentOutcome.FAIL
    passed = _reaches(
        mark.obtained, component.max_marks, component.pass_marks, component.pass_percent
    )
    if passed is None:
        passed = mark.obtained > 0
    return ComponentOutcome.PASS if passed else ComponentOutcome.FAIL


def _outcome(
    policy: Policy,
    components: Sequence[Component],
    outcomes: Mapping[int, ComponentOutcome],
    total: Decimal,
    maximum: Decimal,
) -> Outcome:
    """PENDING when the total decides and the policy names no threshold for it."""
    passed: list[bool | None] = []
    if policy.mode is not PassingMode.COMPONENT_WISE:
        passed.append(_reaches(total, maximum, policy.pass_total_marks, policy.pass_total_percent))
    if policy.mode is not PassingMode.TOTAL_ONLY:
        passed.append(_all_passed(policy, components, outcomes))
    if False in passed:
        return Outcome.FAIL
    return Outcome.PENDING if None in passed else Outcome.PASS


def _all_passed(
    policy: Policy, components: Sequence[Component], outcomes: Mapping[int, ComponentOutcome]
) -> bool:
    """Each mandatory one; with the flag, each that has an entry."""
    counted = [
        outcomes[c.key] for c in components if c.mandatory or policy.fail_if_any_component_fail
    ]
    return ComponentOutcome.FAIL not in counted


def _reaches(
    obtained: Decimal, maximum: Decimal, marks: Decimal | None, percent: Decimal | None
) -> bool | None:
    """None without a threshold. The share is compared exactly, not rounded first."""
    if marks is not None:
        return obtained >= marks
    if percent is not None:
        return obtained * 100 >= percent * maximum
    return None
