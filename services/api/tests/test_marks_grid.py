"""The marks grid: who reaches which rows, and how a save keeps everybody's work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.exam_hall import Hall, hall
from sqlalchemy import event


@pytest.fixture
def one(shared_api: Api) -> Hall:
    return hall(shared_api)


@pytest.fixture
def teacher(one: Hall) -> httpx.Client:
    return one.api.sign_in(one.teacher)


@pytest.fixture
def cell(one: Hall) -> httpx.Client:
    return one.api.as_("ExamCell")


def test_a_teacher_reads_the_own_section_and_the_exam_cell_all(
    one: Hall, teacher: httpx.Client, cell: httpx.Client
) -> None:
    own, others = {s.id for s in one.students}, {s.id for s in one.others}
    assert one.grid(teacher).keys() == own
    assert one.grid(cell).keys() == own | others
    assert one.grid(cell, section=one.other_section.id).keys() == others
    assert one.grid(teacher, section=one.other_section.id).keys() == set()
    row = one.grid(teacher)[one.students[0].id]
    assert (row["etag"], row["status"], row["marks"]) == ('"0"', None, [])


def test_totals_and_outcome_are_computed_from_the_marks(one: Hall, teacher: httpx.Client) -> None:
    student = one.students[0]
    answer = teacher.patch(
        one.row_path(student), json={"marks": one.marks(theory=40)}, headers={"If-Match": '"0"'}
    )
    assert answer.status_code == 200, answer.text
    row = answer.json()
    assert (row["total_obtained"], row["total_max"]) == ("40.00", "100.00")
    assert (row["is_complete"], row["final_outcome"]) == (False, "PENDING")
    rest = {"marks": one.marks(practical="9.50")}
    answer = teacher.patch(
        one.row_path(student), json=rest, headers={"If-Match": answer.headers["etag"]}
    )
    row = answer.json()
    assert (row["total_obtained"], row["is_complete"]) == ("49.50", True)
    assert row["final_outcome"] == "FAIL"
    better = {"marks": one.marks(practical=10)}
    row = teacher.patch(
        one.row_path(student), json=better, headers={"If-Match": row["etag"]}
    ).json()
    assert (row["total_obtained"], row["final_outcome"]) == ("50.00", "PASS")
    assert one.grid(teacher)[student.id] == row
    assert {mark["entered_by"] for mark in row["marks"]} == {one.teacher.id}


def test_absent_and_taking_an_entry_back(one: Hall, teacher: httpx.Client) -> None:
    student = one.students[0]
    (row, *_) = one.fill(teacher, theory=60, practical="absent")
    assert (row["total_obtained"], row["final_outcome"]) == ("60.00", "PASS")
    empty = {"marks": [{"component": one.practical.id}]}
    answer = teacher.patch(one.row_path(student), json=empty, headers={"If-Match": row["etag"]})
    assert answer.json()["final_outcome"] == "PENDING"
    assert [mark["component"] for mark in answer.json()["marks"]] == [one.theory.id]


def test_a_save_needs_if_match_and_takes_no_star(one: Hall, teacher: httpx.Client) -> None:
    path, body = one.row_path(one.students[0]), {"marks": one.marks(theory=1)}
    problem_of(teacher.patch(path, json=body), 428, "IF_MATCH_REQUIRED")
    problem_of(teacher.patch(path, json=body, headers={"If-Match": "*"}), 412, "VERSION_MISMATCH")
    assert one.grid(teacher)[one.students[0].id]["result"] is None


def test_a_stale_save_changes_nothing_and_shows_the_other_s_marks(
    one: Hall, teacher: httpx.Client, cell: httpx.Client
) -> None:
    """Must show 3: two people edit the same mark, one gets 412."""
    first, second = one.students[:2]
    before = one.fill(teacher, theory=30, practical=10)
    theirs = cell.patch(
        one.row_path(first),
        json={"marks": one.marks(theory=55)},
        headers={"If-Match": before[0]["etag"]},
    ).json()
    rows = [
        one.row(first, before[0]["etag"], theory=44),
        one.row(second, before[1]["etag"], theory=66),
    ]
    answer = teacher.post(one.path, json={"rows": rows})
    problem = problem_of(answer, 412, "VERSION_MISMATCH")
    assert [e["pointer"] for e in problem["errors"]] == ["/rows/0"]
    assert problem["conflicts"] == [theirs]
    assert first.reg_no in problem["detail"]
    now = one.grid(teacher)
    assert now[first.id] == theirs
    assert now[second.id] == before[1], "the whole save is refused, so nothing is half stored"
    rows[0]["etag"] = theirs["etag"]
    assert teacher.post(one.path, json={"rows": rows}).json()["saved"] == 2
    single = teacher.patch(
        one.row_path(first),
        json={"marks": one.marks(theory=1)},
        headers={"If-Match": theirs["etag"]},
    )
    assert (
        problem_of(single, 412, "VERSION_MISMATCH")["conflicts"][0]["etag"]
        == single.headers["etag"]
    )


@pytest.mark.parametrize("existing", [False, True])
def test_of_two_saves_at_once_one_is_told(one: Hall, existing: bool) -> None:
    """The same row, the same ETag, at the same time, also when the row is new."""
    clients = [one.api.sign_in(one.teacher), one.api.as_("ExamCell")]
    student = one.students[0]
    etag = '"0"'
    if existing:
        etag = one.fill(clients[0], theory=1, practical=1)[0]["etag"]
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda n: clients[n].patch(
                    one.row_path(student),
                    json={"marks": one.marks(theory=10 + n)},
                    headers={"If-Match": etag},
                ),
                range(2),
            )
        )
    assert sorted(a.status_code for a in answers) == [200, 412]
    winner = next(n for n, a in enumerate(answers) if a.status_code == 200)
    assert one.grid(clients[0])[student.id] == answers[winner].json()


def test_many_saves_at_once_lose_no_row(one: Hall) -> None:
    """Each takes part in a different order; who is refused reads again and saves again."""
    students = [*one.students, *one.others]
    clients = [one.api.as_("ExamCell") for _ in range(4)]

    def add(n: int) -> int:
        refused = 0
        while True:
            rows = one.grid(clients[n])
            wanted = students if n % 2 else students[::-1]
            body = {
                "rows": [
                    one.row(
                        s,
                        rows[s.id]["etag"],
                        theory=float(rows[s.id]["total_obtained"]) + 1,
                    )
                    for s in wanted
                ]
            }
            answer = clients[n].post(one.path, json=body)
            if answer.status_code == 200:
                return refused
            assert answer.status_code == 412, answer.text
            refused += 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert {row["total_obtained"] for row in one.grid(clients[0]).values()} == {"4.00"}


def test_an_unchanged_save_keeps_the_version(one: Hall, teacher: httpx.Client) -> None:
    first = one.fill(teacher, theory=30, practical=10)
    assert one.fill(teacher, theory=30, practical=10) == first


def test_what_a_component_cannot_take_is_named(one: Hall, teacher: httpx.Client) -> None:
    first, second = one.students[:2]
    foreign = one.api.make.component(one.api.make.exam())
    rows = [one.row(first, '"0"', theory=70.01, practical=30), one.row(second, '"0"', theory=1)]
    rows[1]["marks"].append({"component": foreign.id, "marks_obtained": 1})
    problem = problem_of(teacher.post(one.path, json={"rows": rows}), 400, "VALIDATION_ERROR")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [
        ("/rows/0/marks/0/marks_obtained", "MARKS_OUT_OF_RANGE"),
        ("/rows/1/marks/1/component", "DOES_NOT_EXIST"),
    ]
    for wrong in (-1, 1.234, "x", True, 1e9, "NaN"):
        body = {"marks": [{"component": one.theory.id, "marks_obtained": wrong}]}
        answer = teacher.patch(one.row_path(first), json=body, headers={"If-Match": '"0"'})
        problem_of(answer, 400, "VALIDATION_ERROR")
    both = {"component": one.theory.id, "marks_obtained": 1, "is_absent": True}
    for marks in ([both], one.marks(theory=1) * 2, []):
        sent = {"marks": marks}
        answer = teacher.patch(one.row_path(first), json=sent, headers={"If-Match": '"0"'})
        problem_of(answer, 400, "VALIDATION_ERROR")
    assert one.grid(teacher)[first.id]["result"] is None


def test_a_teacher_cannot_mark_another_section_nor_a_stranger(
    one: Hall, teacher: httpx.Client, cell: httpx.Client
) -> None:
    stranger = one.api.make.student()
    for student in (one.others[0], stranger):
        answer = teacher.patch(
            one.row_path(student), json={"marks": one.marks(theory=1)}, headers={"If-Match": '"0"'}
        )
        problem_of(answer, 404, "NOT_FOUND")
    answer = cell.patch(
        one.row_path(stranger), json={"marks": one.marks(theory=1)}, headers={"If-Match": '"0"'}
    )
    problem_of(answer, 404, "NOT_FOUND")
    for role in ("Student", "Finance", "Registrar"):
        answer = one.api.as_(role).patch(
            one.row_path(one.students[0]),
            json={"marks": one.marks(theory=1)},
            headers={"If-Match": '"0"'},
        )
        problem_of(answer, 403, "PERMISSION_DENIED")


def test_who_left_the_section_is_marked_no_more(one: Hall, teacher: httpx.Client) -> None:
    gone = one.students[0]
    section = one.api.make.section(
        one.teacher, course_id=one.course.id, academic_period_id=one.period.id
    )
    left = one.api.make.student()
    one.api.make.enrollment(section, left, status="withdrawn")
    assert left.id not in one.grid(teacher)
    assert gone.id in one.grid(teacher)


def test_a_closed_period_takes_no_marks(one: Hall, teacher: httpx.Client) -> None:
    one.fill(teacher, theory=1, practical=1)
    registrar = one.api.as_("Registrar")
    path = f"/api/academics/academic-periods/{one.period.id}/close/"
    assert registrar.post(path).status_code == 200
    row = one.grid(teacher)[one.students[0].id]
    answer = teacher.patch(
        one.row_path(one.students[0]),
        json={"marks": one.marks(theory=2)},
        headers={"If-Match": row["etag"]},
    )
    problem_of(answer, 409, "TERM_CLOSED")
    assert teacher.get(one.path).json()["closed"] is True


def test_an_exam_without_components_takes_no_marks(shared_api: Api) -> None:
    make, cell = shared_api.make, shared_api.as_("ExamCell")
    exam = make.exam()
    section = make.section(course_id=exam.course_id, academic_period_id=exam.academic_period_id)
    student = make.student()
    make.enrollment(section, student)
    body = {"marks": [{"component": 1, "marks_obtained": 1}]}
    answer = cell.patch(
        f"/api/exams/{exam.id}/grid/{student.id}/", json=body, headers={"If-Match": '"0"'}
    )
    problem_of(answer, 409, "EXAM_WITHOUT_COMPONENTS")


def test_reading_and_saving_take_the_same_statements_whatever_the_number(shared_api: Api) -> None:
    counted = []
    for size in (2, 20):
        one = hall(shared_api, candidates=size)
        cell = shared_api.as_("ExamCell")
        one.fill(cell, theory=10, practical=10)
        one.grid(cell)
        statements: list[str] = []

        def note(*args: Any, into: list[str] = statements) -> None:
            into.append(args[2])

        engine = shared_api.app.state.engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        one.fill(cell, theory=20, practical=20)
        moved = one.move(cell, "verify", "publish")
        event.remove(engine, "before_cursor_execute", note)
        assert moved["moved"] == 2 * size
        counted.append(len(statements))
    assert counted[0] == counted[1] > 0
