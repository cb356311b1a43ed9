"""Rows for COPY, table by table, in an order that foreign keys accept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from sims_cli.seed.catalogue import Catalogue
from sims_cli.seed.college import GROUPS, College
from sims_cli.seed.people import Person, Population
from sims_core.domain.results import Outcome, ResultStatus
from sims_core.domain.students import StudentStatus

Row = Sequence[object]
PASS_MARK = 60  # the default grading scheme's D

# Each result's total is the mark of its exam's one component.
MARKS = """
INSERT INTO result_component
  (result_id, exam_component_id, marks_obtained, component_outcome, created_at, updated_at)
SELECT r.id, c.id, r.total_obtained, CASE WHEN r.total_obtained > 0 THEN 'PASS' ELSE 'FAIL' END,
  r.created_at, r.updated_at
FROM result r JOIN exam_component c ON c.exam_id = r.exam_id
ORDER BY r.id
"""

STUDENT_COLUMNS = (
    "id",
    "reg_no",
    "name",
    "program_id",
    "batch_id",
    "group_id",
    "status",
    "enrollment_year",
    "expected_graduation_year",
    "actual_graduation_year",
    "email",
    "phone",
    "date_of_birth",
    "created_at",
    "updated_at",
)
RESULT_COLUMNS = (
    "exam_id",
    "student_id",
    "total_obtained",
    "total_max",
    "final_outcome",
    "status",
    "published_at",
    "frozen_at",
    "created_at",
    "updated_at",
)


def frame(catalogue: Catalogue, college: College) -> dict[tuple[str, tuple[str, ...]], list[Row]]:
    """(table, columns) → rows of everything but students and results."""
    stamps = ("created_at", "updated_at")
    founded = datetime(college.year - 5, 7, 1, tzinfo=UTC)
    tables: list[tuple[str, tuple[str, ...], list[Row]]] = [
        (
            "department",
            ("id", "code", "name"),
            [(college.department_ids[c], c, name) for c, name in catalogue.departments.items()],
        ),
        (
            "program",
            ("id", "name", "structure_type", "is_finalized"),
            [(n, p.name, p.structure, True) for n, p in enumerate(catalogue.programs, 1)],
        ),
        (
            "course",
            ("id", "code", "name", "department_id", "credits"),
            [
                (
                    college.course_ids[c.code],
                    c.code,
                    c.name,
                    college.department_ids[c.department],
                    c.credits,
                )
                for p in catalogue.programs
                for c in p.courses
            ],
        ),
        (
            "academic_period",
            ("id", "name", "start_date", "end_date", "status"),
            [
                (p.id, p.name, p.start, p.end, "OPEN" if p.open else "CLOSED")
                for p in college.periods
            ],
        ),
        (
            "batch",
            ("id", "program_id", "name", "start_year"),
            [(i.id, i.program_id, str(i.year), i.year) for i in college.intakes],
        ),
        (
            "student_group",
            ("id", "batch_id", "name"),
            [
                (g, i.id, name)
                for i in college.intakes
                for g, name in zip(i.group_ids, GROUPS, strict=True)
            ],
        ),
        (
            "exam",
            (
                "id",
                "course_id",
                "academic_period_id",
                "title",
                "scheduled_at",
                "pass_total_percent",
            ),
            [
                (e.id, e.course_id, e.period.id, "Final", e.held_at, PASS_MARK)
                for e in college.exams
            ],
        ),
        (
            "exam_component",
            ("id", "exam_id", "name", "sequence", "max_marks"),
            [(e.id, e.id, "Written paper", 1, 100) for e in college.exams],
        ),
    ]
    return {
        (table, (*columns, *stamps)): [(*row, founded, founded) for row in rows]
        for table, columns, rows in tables
    }


def student(person: Person) -> Row:
    """In the order of ``STUDENT_COLUMNS``."""
    graduated = person.status is StudentStatus.GRADUATED
    return (
        person.id,
        person.reg_no,
        person.name,
        person.intake.program_id,
        person.intake.id,
        person.group_id,
        person.status.value,
        person.intake.year,
        person.graduation_year,
        person.graduation_year if graduated else None,
        person.email,
        person.phone,
        person.born,
        person.registered_at,
        person.registered_at,
    )


def results(people: Iterable[Person], population: Population) -> Iterator[tuple[int, str]]:
    """(number of rows, COPY text) for each student, in the order of ``RESULT_COLUMNS``.

    Text and not tuples: nothing here needs escaping, and there are a million rows.
    """
    endings: dict[tuple[int, bool], str] = {}
    for person in people:
        exams = person.intake.exams
        lines = []
        for mark in population.marks(person):
            exam = exams[mark.exam_index]
            key = (exam.id, mark.released)
            if key not in endings:
                endings[key] = _ending(exam.held_at, frozen=exam.frozen, released=mark.released)
            outcome = Outcome.PASS if mark.points >= PASS_MARK else Outcome.FAIL
            lines.append(
                f"{exam.id}\t{person.id}\t{mark.points}\t100\t{outcome.value}\t{endings[key]}\n"
            )
        yield len(lines), "".join(lines)


def _ending(held_at: datetime, *, frozen: bool, released: bool) -> str:
    """From ``status`` on: verified only, published, or published and frozen."""
    held, none = held_at.isoformat(), r"\N"
    if not released:
        return f"{ResultStatus.VERIFIED.value}\t{none}\t{none}\t{held}\t{held}"
    status = ResultStatus.FROZEN if frozen else ResultStatus.PUBLISHED
    return f"{status.value}\t{held}\t{held if frozen else none}\t{held}\t{held}"
