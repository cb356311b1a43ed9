"""Rules of every status: phases never go back, terminal ones stay, conditions keep their time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypeVar

from sims_backup_operator.crds.common import Condition

Truth = Literal["True", "False", "Unknown"]
P = TypeVar("P", bound=str)

ORDER: dict[str, int] = {
    name: rank
    for rank, names in enumerate(
        (
            ("", "Pending"),
            ("Fencing",),
            ("Running",),
            ("Uploading",),
            ("Verifying",),
            ("Unfencing",),
            ("Completed", "Failed", "Skipped"),
        )
    )
    for name in names
}
TERMINAL = frozenset({"Completed", "Failed", "Skipped"})


class PhaseRegression(Exception):
    """A reconcile wanted a phase that lies behind the present one: a mistake of ours."""


def check_phase(old: str, new: str) -> None:
    """Raises ``PhaseRegression``."""
    if old == new:
        return
    if old in TERMINAL or ORDER[new] < ORDER[old]:
        raise PhaseRegression(f"from {old} to {new}")


def later(old: P, new: P) -> P:
    """The one that is further on."""
    return new if old not in TERMINAL and ORDER[new] > ORDER[old] else old


def with_conditions(
    present: Iterable[Condition],
    generation: int,
    now: datetime,
    **wanted: tuple[Truth, str, str],
) -> list[Condition]:
    """``wanted`` maps a type to (status, reason, message); other conditions stay."""
    found = {condition.type: condition for condition in present}
    for name, (truth, reason, message) in wanted.items():
        before = found.get(name)
        unchanged = before is not None and before.status == truth
        found[name] = Condition(
            type=name,
            status=truth,
            reason=reason,
            message=message[:4000],
            last_transition_time=before.last_transition_time if unchanged and before else now,
            observed_generation=generation,
        )
    return [found[name] for name in sorted(found)]
