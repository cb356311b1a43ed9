"""The periods that a program's structure is made of."""

from __future__ import annotations

YEARS = 5
SEMESTERS = 10


def period_names(structure_type: str, total_periods: int | None) -> list[str]:
    """In their order: five years, ten semesters, or as many periods as CUSTOM says.

    Raises ``ValueError`` for CUSTOM without a total, and for an unknown structure.
    """
    match structure_type:
        case "YEARLY":
            return [f"Year {n}" for n in range(1, YEARS + 1)]
        case "SEMESTER":
            return [f"Semester {n}" for n in range(1, SEMESTERS + 1)]
        case "CUSTOM" if total_periods:
            return [f"Period {n}" for n in range(1, total_periods + 1)]
    raise ValueError(f"no periods for {structure_type} of {total_periods}")
