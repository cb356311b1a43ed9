"""The frame that students are put into: ids, periods, exams. Pure, the same for each seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count

from sims_cli.seed.catalogue import Catalogue, ProgramEntry

INTAKES = 5
"""Intakes of each program: the reference year and the four before it."""

GROUPS = ("A", "B", "C")


@dataclass(frozen=True)
class Period:
    id: int
    name: str
    start: date
    end: date
    open: bool


@dataclass(frozen=True)
class ExamEntry:
    """``frozen``: closed long ago; ``latest``: the term that ended last."""

    id: int
    course_id: int
    period: Period
    held_at: datetime
    frozen: bool
    latest: bool


@dataclass(frozen=True)
class Intake:
    """A batch with its groups' ids and the exams that its students have sat so far."""

    id: int
    program_id: int
    program: ProgramEntry
    year: int
    group_ids: tuple[int, ...]
    exams: tuple[ExamEntry, ...]


@dataclass(frozen=True)
class College:
    year: int
    department_ids: dict[str, int]
    course_ids: dict[str, int]
    periods: tuple[Period, ...]
    intakes: tuple[Intake, ...]

    @property
    def exams(self) -> list[ExamEntry]:
        return [exam for intake in self.intakes for exam in intake.exams]


def build(catalogue: Catalogue, year: int) -> College:
    """The college in the autumn of ``year``. Ids start at 1 in each table."""
    periods = _periods(year)
    codes = [course.code for program in catalogue.programs for course in program.courses]
    course_ids = dict(zip(codes, count(1), strict=False))
    exam_ids, batch_ids, group_ids = count(1), count(1), count(1)
    intakes = [
        Intake(
            id=next(batch_ids),
            program_id=program_id,
            program=program,
            year=entry,
            group_ids=tuple(next(group_ids) for _ in GROUPS),
            exams=tuple(
                _exam(next(exam_ids), course_ids[course.code], periods, 2 * offset + course.term)
                for course in program.courses
                if 2 * offset + course.term < len(periods) - 1  # the last period is running
            ),
        )
        for program_id, program in enumerate(catalogue.programs, start=1)
        for offset, entry in enumerate(range(year - INTAKES + 1, year + 1))
    ]
    return College(
        year=year,
        department_ids={code: n for n, code in enumerate(catalogue.departments, start=1)},
        course_ids=course_ids,
        periods=tuple(periods),
        intakes=tuple(intakes),
    )


def _periods(year: int) -> list[Period]:
    """Fall and spring from the oldest intake on; the last one is open."""
    found: list[Period] = []
    for start in range(year - INTAKES + 1, year + 1):
        found.append(
            Period(
                len(found) + 1,
                f"Fall {start}",
                date(start, 9, 1),
                date(start + 1, 1, 31),
                start == year,
            )
        )
        if start < year:
            spring = start + 1
            found.append(
                Period(
                    len(found) + 1,
                    f"Spring {spring}",
                    date(spring, 2, 15),
                    date(spring, 7, 15),
                    open=False,
                )
            )
    return found


def _exam(id_: int, course_id: int, periods: list[Period], number: int) -> ExamEntry:
    period = periods[number]
    day = period.end - timedelta(days=5 + course_id % 15)
    return ExamEntry(
        id=id_,
        course_id=course_id,
        period=period,
        held_at=datetime(day.year, day.month, day.day, 9, tzinfo=UTC),
        frozen=number < len(periods) - 3,
        latest=number == len(periods) - 2,
    )
