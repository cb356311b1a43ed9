"""Marks from a file: what would change is shown first, and nothing else happens."""

from __future__ import annotations

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.exam_hall import Body, Hall, hall

PATH = "/api/exams/marks/import/"


@pytest.fixture
def one(shared_api: Api) -> Hall:
    return hall(shared_api)


@pytest.fixture
def teacher(one: Hall) -> httpx.Client:
    return one.api.sign_in(one.teacher)


def preview(one: Hall, client: httpx.Client, *lines: str) -> httpx.Response:
    content = "\n".join(["reg_no,component,marks", *lines])
    return client.post(
        f"{PATH}preview/", data={"exam": str(one.exam.id)}, files={"file": ("m.csv", content)}
    )


def previewed(one: Hall, client: httpx.Client, *lines: str) -> Body:
    answer = preview(one, client, *lines)
    assert answer.status_code == 200, answer.text
    found: Body = answer.json()
    return found


def commit(client: httpx.Client, job: Body, key: str = "") -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"import_job_id": job["import_job_id"], "confirm": True}
    return client.post(f"{PATH}commit/", json=body, headers=headers)


def test_a_file_shows_old_and_new_and_changes_just_that(one: Hall, teacher: httpx.Client) -> None:
    first, second, third = one.students
    one.fill(teacher, theory=30, practical=10)
    before = one.grid(teacher)
    job = previewed(
        one,
        teacher,
        f"{first.reg_no},theory,45.5",
        f"{second.reg_no},Practical,absent",
        f"{third.reg_no},Theory,30",
    )
    assert job["summary"] == {"CREATE": 0, "UPDATE": 2, "SKIP": 1}
    assert [row["changes"] for row in job["preview_rows"]] == [
        [{"column": "marks", "old": "30.00", "new": "45.50"}],
        [{"column": "marks", "old": "10.00", "new": "absent"}],
        [],
    ]
    assert one.grid(teacher) == before, "a preview changes nothing"
    done = commit(teacher, job, key="once-and-only-once")
    assert done.json()["updated"] == 2
    now = one.grid(teacher)
    assert now[first.id]["total_obtained"] == "55.50"
    assert (now[second.id]["total_obtained"], now[second.id]["final_outcome"]) == ("30.00", "FAIL")
    assert now[third.id] == before[third.id]
    again = commit(teacher, job, key="once-and-only-once")
    assert (again.json(), again.headers["idempotent-replayed"]) == (done.json(), "true")
    problem_of(commit(teacher, job), 400, "IMPORT_NOT_PREVIEWED")


def test_each_wrong_cell_is_named_and_the_right_lines_count(
    one: Hall, teacher: httpx.Client
) -> None:
    reg_no = one.students[0].reg_no
    job = previewed(
        one,
        teacher,
        f"{reg_no},Theory,71",
        f"{reg_no},Viva,1",
        f"{one.others[0].reg_no},Theory,1",
        f"{reg_no},Practical,many",
        f"{one.students[1].reg_no},Theory,1.234",
        f"{one.students[2].reg_no},Theory,12",
        f"{one.students[2].reg_no},Theory,13",
    )
    wrong = {
        row["row_number"]: row["errors"][0]["column"]
        for row in job["preview_rows"]
        if row["errors"]
    }
    assert wrong == {
        2: "marks",
        3: "component",
        4: "reg_no",
        5: "marks",
        6: "marks",
        8: "reg_no",
    }
    assert (job["valid_rows"], job["invalid_rows"]) == (1, 6)
    assert commit(teacher, job).json()["created"] == 1
    assert one.grid(teacher)[one.students[2].id]["total_obtained"] == "12.00"


def test_what_was_changed_since_the_preview_is_left_alone(one: Hall, teacher: httpx.Client) -> None:
    first, second, _ = one.students
    job = previewed(one, teacher, f"{first.reg_no},Theory,40", f"{second.reg_no},Theory,41")
    other = one.api.as_("ExamCell")
    sent = {"marks": one.marks(theory=66)}
    assert (
        other.patch(one.row_path(first), json=sent, headers={"If-Match": '"0"'}).status_code == 200
    )
    done = commit(teacher, job).json()
    assert (done["created"], done["skipped"]) == (1, 1)
    now = one.grid(teacher)
    assert [now[s.id]["total_obtained"] for s in (first, second)] == ["66.00", "41.00"]


def test_the_template_holds_the_own_candidates_and_comes_back_unchanged(
    one: Hall, teacher: httpx.Client
) -> None:
    one.fill(teacher, theory=30, practical="absent")
    answer = teacher.get(f"{PATH}template/", params={"exam": one.exam.id})
    lines = answer.text.split()
    assert lines[0] == "reg_no,component,marks"
    expected = {
        f"{s.reg_no},{c}" for s in one.students for c in ("Theory,30.00", "Practical,absent")
    }
    assert set(lines[1:]) == expected
    assert previewed(one, teacher, *lines[1:])["summary"] == {"CREATE": 0, "UPDATE": 0, "SKIP": 6}


def test_a_closed_term_or_verified_result_takes_no_file(one: Hall, teacher: httpx.Client) -> None:
    cell = one.api.as_("ExamCell")
    one.fill(cell, theory=30, practical=10)
    job = previewed(one, teacher, f"{one.students[0].reg_no},Theory,31")
    one.move(cell, "verify")
    assert commit(teacher, job).json()["skipped"] == 1
    assert {row["total_obtained"] for row in one.grid(cell).values()} == {"40.00"}
    registrar = one.api.as_("Registrar")
    registrar.post(f"/api/academics/academic-periods/{one.period.id}/close/")
    problem_of(preview(one, teacher, f"{one.students[0].reg_no},Theory,31"), 409, "TERM_CLOSED")


def test_only_who_marks_may_import(one: Hall) -> None:
    answer = preview(one, one.api.as_("Registrar"), "x,y,1")
    problem_of(answer, 403, "PERMISSION_DENIED")
    problem_of(preview(one, one.api.as_("Student"), "x,y,1"), 403, "PERMISSION_DENIED")
