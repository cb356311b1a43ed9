"""The plain entities, as tests see them: one table of bodies, the same story for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from services.api.tests.factories import Make
from sqlalchemy import text

Body = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """How one entity is made: ``body`` gives fields for a number, ``filled`` what is answered."""

    path: str
    body: Callable[[Make, int], Body]
    filled: Callable[[Make, Body], Body]
    change: Body
    unique: tuple[str, ...]
    wrong: list[tuple[Body, str]] = field(default_factory=list)


def _program(_make: Make, n: int) -> Body:
    return {"name": f"P{n}"}


def batch_body(make: Make, n: int) -> Body:
    return {"program": make.program(name=f"For batch {n}").id, "name": "2026", "start_year": 2026}


def _group(make: Make, n: int) -> Body:
    return {"batch": make.place(batch=f"B{n}").batch.id, "name": f"G{n}"}


def _course(make: Make, n: int) -> Body:
    return {"code": f"C-{n}", "name": f"Course {n}", "department": make.department().id}


def _name(make: Make, table: str, id_: int) -> str:
    found: str = make.session.execute(
        text(f"SELECT name FROM {table} WHERE id = :id"), {"id": id_}
    ).scalar_one()
    make.session.rollback()
    return found


def _section_filled(make: Make, body: Body) -> Body:
    code = make.session.execute(
        text("SELECT code FROM course WHERE id = :id"), {"id": body["course"]}
    ).scalar_one()
    names = {
        "course_code": code,
        "course_name": _name(make, "course", body["course"]),
        "academic_period_name": _name(make, "academic_period", body["academic_period"]),
    }
    rest: Body = {"group": None, "capacity": 50, "teachers": [], "enrolled_count": 0}
    return rest | body | names


PROGRAM_REST = {
    "description": "",
    "is_active": True,
    "structure_type": "SEMESTER",
    "is_finalized": False,
    "period_length_months": None,
    "total_periods": None,
    "attendance_threshold": "75.00",
}
TEXTS: list[tuple[Any, str]] = [
    ("", "STRING_TOO_SHORT"),
    ("   ", "STRING_TOO_SHORT"),
    ("x" * 129, "STRING_TOO_LONG"),
    ("two\nlines", "VALUE_ERROR"),
    ("bell\x07", "VALUE_ERROR"),
    (None, "STRING_TYPE"),
    (7, "STRING_TYPE"),
    (["x"], "STRING_TYPE"),
]
NUMBERS: list[tuple[Any, str]] = [
    ("1", "INT_TYPE"),
    (1.5, "INT_TYPE"),
    (True, "INT_TYPE"),
    (2**63, "LESS_THAN_EQUAL"),
    (0, "GREATER_THAN_EQUAL"),
    (-1, "GREATER_THAN_EQUAL"),
    (None, "INT_TYPE"),
]

CASES = {
    "program": Case(
        "/api/academics/programs/",
        _program,
        lambda _make, body: PROGRAM_REST | body,
        {"description": "Medicine", "is_active": False},
        ("name",),
        [
            ({"structure_type": "TRIMESTER"}, "/structure_type"),
            ({"structure_type": "CUSTOM"}, ""),
            ({"structure_type": "CUSTOM", "total_periods": 3}, ""),
            ({"structure_type": "YEARLY", "total_periods": 3}, ""),
            ({"structure_type": "CUSTOM", "total_periods": 0}, "/total_periods"),
            *(({"is_active": v}, "/is_active") for v in ("perhaps", "true", 1, 0, None)),
            ({"description": "x" * 2001}, "/description"),
        ],
    ),
    "batch": Case(
        "/api/academics/batches/",
        batch_body,
        lambda make, body: body | {"program_name": _name(make, "program", body["program"])},
        {"start_year": 2027},
        ("program", "name"),
        [
            ({"start_year": 1899}, "/start_year"),
            ({"start_year": 2201}, "/start_year"),
            ({"program": 2**52}, "/program"),
            *(({"program": value}, "/program") for value, _ in NUMBERS),
        ],
    ),
    "group": Case(
        "/api/academics/groups/",
        _group,
        lambda make, body: body | {"batch_name": _name(make, "batch", body["batch"])},
        {"name": "Evening"},
        ("batch", "name"),
        [({"batch": 2**52}, "/batch")],
    ),
    "department": Case(
        "/api/academics/departments/",
        lambda _make, n: {"name": f"D{n}", "code": f"d{n}"},
        lambda _make, body: {"description": "", "parent": None, "children_count": 0} | body,
        {"description": "Anatomy"},
        ("code",),
        [({"code": "x" * 33}, "/code"), ({"code": ""}, "/code")],
    ),
    "academic period": Case(
        "/api/academics/academic-periods/",
        lambda _make, n: {"name": f"T{n}", "start_date": "2026-01-01", "end_date": "2026-06-30"},
        lambda _make, body: (
            {
                "status": "OPEN",
                "period_type": "TERM",
                "parent_period": None,
                "is_enrollment_open": True,
            }
            | body
        ),
        {"period_type": "YEAR"},
        ("name",),
        [
            ({"start_date": "2026-07-01"}, ""),
            ({"end_date": "30.06.2026"}, "/end_date"),
            ({"end_date": "2026-02-30"}, "/end_date"),
            *(({"end_date": v}, "/end_date") for v in (0, 1.8e9, "1800000000", None, True)),
            ({"end_date": "2026-06-30T00:00:00"}, "/end_date"),
            ({"status": "CLOSED"}, "/status"),
            ({"period_type": "TRIMESTER"}, "/period_type"),
            ({"parent_period": 2**52}, "/parent_period"),
        ],
    ),
    "course": Case(
        "/api/academics/courses/",
        _course,
        lambda make, body: (
            {"credits": 3, "prerequisites": []}
            | body
            | {"department_name": _name(make, "department", body["department"])}
        ),
        {"credits": 6},
        ("code",),
        [
            ({"credits": -1}, "/credits"),
            ({"credits": 61}, "/credits"),
            ({"credits": 2.5}, "/credits"),
            ({"department": 2**52}, "/department"),
            ({"prerequisites": [2**52]}, "/prerequisites"),
            ({"prerequisites": "1"}, "/prerequisites"),
        ],
    ),
    "period": Case(
        "/api/academics/periods/",
        lambda make, n: {"program": make.program().id, "name": f"Semester {n}", "order": n},
        lambda make, body: (
            {"start_date": None, "end_date": None}
            | body
            | {"program_name": _name(make, "program", body["program"])}
        ),
        {"start_date": "2026-09-01", "end_date": "2027-01-31"},
        ("program", "name"),
        [
            ({"order": 0}, "/order"),
            ({"program": 2**52}, "/program"),
            ({"start_date": "2026-09-02", "end_date": "2026-09-01"}, ""),
        ],
    ),
    "track": Case(
        "/api/academics/tracks/",
        lambda make, n: {"program": make.program().id, "name": f"Track {n}"},
        lambda make, body: (
            {"description": ""} | body | {"program_name": _name(make, "program", body["program"])}
        ),
        {"description": "Clinical"},
        ("program", "name"),
        [({"program": 2**52}, "/program")],
    ),
    "module": Case(
        "/api/academics/modules/",
        lambda make, n: {"block": make.block().id, "name": f"Module {n}", "order": n},
        lambda make, body: (
            {"description": ""} | body | {"block_name": _name(make, "block", body["block"])}
        ),
        {"description": "Upper limb"},
        ("block", "name"),
        [({"order": 0}, "/order"), ({"block": 2**52}, "/block")],
    ),
    "section": Case(
        "/api/academics/sections/",
        lambda make, n: {
            "course": make.course(code=f"SC{n}").id,
            "academic_period": make.period().id,
            "name": f"S{n}",
        },
        _section_filled,
        {"capacity": 7},
        ("course", "academic_period", "name"),
        [
            ({"capacity": 0}, "/capacity"),
            ({"group": 2**52}, "/group"),
            ({"teachers": [2**52]}, "/teachers"),
        ],
    ),
}

every_entity = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def made(client: httpx.Client, path: str, body: Body) -> Body:
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    found: Body = answer.json()
    return found
