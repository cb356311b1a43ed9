"""The demo college's programs, departments and courses, read from ``catalogue.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

PER_TERM = 3  # courses in a semester; twice as many in a year


@dataclass(frozen=True)
class CourseEntry:
    """``code`` is unique in the catalogue; ``term`` counts from 0 within the program."""

    code: str
    name: str
    department: str
    credits: int
    term: int


@dataclass(frozen=True)
class ProgramEntry:
    """``share`` of the students in percent."""

    code: str
    name: str
    structure: str
    years: int
    share: int
    courses: tuple[CourseEntry, ...]


@dataclass(frozen=True)
class Catalogue:
    departments: dict[str, str]
    programs: tuple[ProgramEntry, ...]


@cache
def load() -> Catalogue:
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return Catalogue(
        departments=data["departments"],
        programs=tuple(_program(entry) for entry in data["programs"]),
    )


def _program(entry: dict[str, object]) -> ProgramEntry:
    code, courses = str(entry["code"]), entry["courses"]
    if not isinstance(courses, list):
        raise TypeError(f"courses of {code} must be a list")
    yearly = entry["structure"] == "YEARLY"
    return ProgramEntry(
        code=code,
        name=str(entry["name"]),
        structure=str(entry["structure"]),
        years=int(str(entry["years"])),
        share=int(str(entry["share"])),
        courses=tuple(
            CourseEntry(
                code=f"{code}-{100 * (1 + number // (2 * PER_TERM)) + 1 + number % (2 * PER_TERM)}",
                name=name,
                department=department,
                credits=weight,
                # A yearly program examines its six courses in the year's second term.
                term=2 * (number // (2 * PER_TERM)) + 1 if yearly else number // PER_TERM,
            )
            for number, (department, name, weight) in enumerate(courses)
        ),
    )
