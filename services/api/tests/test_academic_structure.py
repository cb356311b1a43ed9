"""Programs, trees, blocks, terms and sections: the rules that are theirs alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.entity_cases import made
from sqlalchemy import select

from sims_core.models import Department

ACADEMICS = "/api/academics"


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def client(api: Api) -> httpx.Client:
    return api.as_("Registrar")


def one_error(answer: httpx.Response) -> tuple[str, str]:
    (error,) = problem_of(answer, 400, "VALIDATION_ERROR")["errors"]
    return error["pointer"], error["code"]


@pytest.mark.parametrize(
    ("structure", "names"),
    [
        ({"structure_type": "YEARLY"}, [f"Year {n}" for n in range(1, 6)]),
        ({"structure_type": "SEMESTER"}, [f"Semester {n}" for n in range(1, 11)]),
        (
            {"structure_type": "CUSTOM", "period_length_months": 4, "total_periods": 3},
            ["Period 1", "Period 2", "Period 3"],
        ),
    ],
)
def test_a_final_program_gets_its_periods_and_keeps_those_it_has(
    api: Api, client: httpx.Client, structure: dict[str, Any], names: list[str]
) -> None:
    row = made(client, f"{ACADEMICS}/programs/", {"name": f"F{api.make.number()}"} | structure)
    here = f"{ACADEMICS}/programs/{row['id']}"
    problem_of(client.post(f"{here}/generate-periods/"), 409, "PROGRAM_NOT_FINALIZED")
    assert client.post(f"{here}/finalize/").json()["is_finalized"] is True
    problem_of(client.post(f"{here}/finalize/"), 409, "PROGRAM_FINALIZED")
    other = {"structure_type": "YEARLY", "period_length_months": None, "total_periods": None}
    if structure["structure_type"] == "YEARLY":
        other = {"structure_type": "SEMESTER"}
    problem_of(client.patch(f"{here}/", json=other), 409, "PROGRAM_FINALIZED")
    assert client.patch(f"{here}/", json={"description": "still"}).status_code == 200

    first = client.post(f"{here}/generate-periods/")
    assert (first.status_code, [p["name"] for p in first.json()]) == (201, names)
    kept, gone = first.json()[0], first.json()[-1]
    dated = {"start_date": "2026-09-01", "end_date": "2027-01-31"}
    client.patch(f"{ACADEMICS}/periods/{kept['id']}/", json=dated)
    track = made(client, f"{ACADEMICS}/tracks/", {"program": row["id"], "name": "T"})
    block = made(client, f"{ACADEMICS}/blocks/", block_body(kept["id"], track["id"]))
    assert client.delete(f"{ACADEMICS}/periods/{gone['id']}/").status_code == 204
    again = client.post(f"{here}/generate-periods/").json()
    assert [p["name"] for p in again] == names
    assert again[0]["id"] == kept["id"]
    assert again[0]["start_date"] == "2026-09-01"
    assert client.get(f"{ACADEMICS}/blocks/{block['id']}/").status_code == 200


def block_body(period: int, track: int, **values: Any) -> dict[str, Any]:
    return {
        "period": period,
        "track": track,
        "name": "Block",
        "block_type": "INTEGRATED_BLOCK",
        "start_date": "2026-09-01",
        "end_date": "2026-10-31",
    } | values


def test_blocks_of_a_track_share_no_day(api: Api, client: httpx.Client) -> None:
    track = api.make.track()
    period = api.make.program_period(program_id=track.program_id)
    url = f"{ACADEMICS}/blocks/"
    made(client, url, block_body(period.id, track.id))
    for start, end in (("2026-10-31", "2026-11-30"), ("2026-08-01", "2026-09-01")):
        body = block_body(period.id, track.id, name="Next", start_date=start, end_date=end)
        problem_of(client.post(url, json=body), 409, "BLOCK_OVERLAP")
    after = {"name": "Next", "start_date": "2026-11-01", "end_date": "2026-11-30"}
    made(client, url, block_body(period.id, track.id, **after))
    elsewhere = api.make.track(program_id=track.program_id)
    made(client, url, block_body(period.id, elsewhere.id))


def test_a_rotation_is_in_a_department_and_has_no_modules(api: Api, client: httpx.Client) -> None:
    track = api.make.track()
    period = api.make.program_period(program_id=track.program_id)
    medicine, surgery = api.make.department(), api.make.department()
    ward = api.make.department(parent_id=medicine.id)
    url = f"{ACADEMICS}/blocks/"
    rotation = {"block_type": "ROTATION_BLOCK", "primary_department": medicine.id}
    body = block_body(period.id, track.id, **rotation, sub_department=ward.id)
    answer = client.post(url, json=body | {"sub_department": surgery.id})
    assert one_error(answer) == ("/sub_department", "DOES_NOT_FIT")
    row = made(client, url, body)
    module = {"block": row["id"], "name": "M", "order": 1}
    assert one_error(client.post(f"{ACADEMICS}/modules/", json=module)) == (
        "/block",
        "DOES_NOT_FIT",
    )
    integrated = api.make.block()
    made(client, f"{ACADEMICS}/modules/", module | {"block": integrated.id})
    here = f"{url}{integrated.id}/"
    assert client.get(here).json()["modules_count"] == 1
    assert one_error(client.patch(here, json=rotation)) == ("/block_type", "DOES_NOT_FIT")
    other = api.make.track()
    answer = client.post(url, json=block_body(period.id, other.id))
    assert one_error(answer) == ("/track", "DOES_NOT_FIT")


def test_a_department_is_never_under_itself(api: Api, client: httpx.Client) -> None:
    top = api.make.department()
    middle = api.make.department(parent_id=top.id)
    leaf = api.make.department(parent_id=middle.id)
    for parent in (top, middle, leaf):
        answer = client.patch(f"{ACADEMICS}/departments/{top.id}/", json={"parent": parent.id})
        assert one_error(answer) == ("/parent", "CYCLE")
    assert client.get(f"{ACADEMICS}/departments/{top.id}/").json()["children_count"] == 1


def test_two_who_close_a_circle_at_once_do_not_both_succeed(api: Api) -> None:
    for _ in range(5):
        one, two = api.make.department(), api.make.department()
        clients = [api.as_("Registrar"), api.as_("Registrar")]

        def move(who: httpx.Client, pair: tuple[int, int]) -> int:
            child, parent = pair
            url = f"{ACADEMICS}/departments/{child}/"
            return who.patch(url, json={"parent": parent}).status_code

        with ThreadPoolExecutor(2) as pool:
            statuses = sorted(pool.map(move, clients, [(one.id, two.id), (two.id, one.id)]))
        assert statuses == [200, 400]
        parents = set(
            api.make.session.scalars(
                select(Department.parent_id).where(Department.id.in_([one.id, two.id]))
            )
        )
        api.make.session.rollback()
        assert None in parents


def test_a_course_is_never_needed_before_itself(api: Api, client: httpx.Client) -> None:
    first, second = api.make.course(), api.make.course()
    url = f"{ACADEMICS}/courses/"
    answer = client.patch(f"{url}{second.id}/", json={"prerequisites": [first.id]})
    assert (answer.json()["prerequisites"], answer.json()["version"]) == ([first.id], 2)
    for wrong in ([second.id], [first.id]):
        answer = client.patch(f"{url}{first.id}/", json={"prerequisites": wrong})
        assert one_error(answer) == ("/prerequisites", "CYCLE")
    answer = client.patch(f"{url}{first.id}/", json={"prerequisites": [second.id, second.id]})
    assert one_error(answer)[0] == "/prerequisites"
    problem_of(client.delete(f"{url}{first.id}/"), 409, "IN_USE")
    same = client.patch(f"{url}{second.id}/", json={"prerequisites": [first.id]})
    assert same.json()["version"] == 2


def test_a_closed_period_keeps_what_it_holds(api: Api, client: httpx.Client) -> None:
    section = api.make.section()
    teacher = api.make.user("Faculty")
    period = f"{ACADEMICS}/academic-periods/{section.academic_period_id}/"
    here = f"{ACADEMICS}/sections/{section.id}/"
    problem_of(client.post(f"{period}open/"), 409, "ALREADY_OPEN")
    closed = client.post(f"{period}close/").json()
    assert (closed["status"], closed["is_enrollment_open"]) == ("CLOSED", False)
    problem_of(client.post(f"{period}close/"), 409, "ALREADY_CLOSED")
    body = {"course": section.course_id, "academic_period": section.academic_period_id}
    for answer in (
        client.patch(here, json={"capacity": 9}),
        client.patch(here, json={"teachers": [teacher.id]}),
        client.delete(here),
        client.post(f"{ACADEMICS}/sections/", json=body | {"name": "new"}),
        client.patch(period, json={"name": "Renamed"}),
    ):
        assert closed["name"] in problem_of(answer, 409, "TERM_CLOSED")["detail"]
    elsewhere = api.make.section(course_id=section.course_id)
    into = {"academic_period": section.academic_period_id}
    answer = client.patch(f"{ACADEMICS}/sections/{elsewhere.id}/", json=into)
    problem_of(answer, 409, "TERM_CLOSED")
    assert client.post(f"{period}open/").json()["is_enrollment_open"] is True
    assert client.patch(here, json={"capacity": 9}).json()["capacity"] == 9


def test_teachers_and_students_reach_their_own_sections(api: Api, client: httpx.Client) -> None:
    teacher, other = api.make.user("Faculty"), api.make.user("Faculty")
    login = api.make.user("Student")
    student = api.make.student(user_id=login.id)
    mine, taken, neither = api.make.section(teacher), api.make.section(other), api.make.section()
    api.make.enrollment(taken, student)
    gone = api.make.section(other)
    api.make.enrollment(gone, student, status="dropped")
    url = f"{ACADEMICS}/sections/"
    for user, ids in (
        (teacher, {mine.id}),
        (other, {taken.id, gone.id}),
        (login, {taken.id}),
    ):
        reader = api.sign_in(user)
        assert {row["id"] for row in reader.get(url).json()["results"]} == ids
        for section in (mine, taken, neither, gone):
            status = 200 if section.id in ids else 404
            assert reader.get(f"{url}{section.id}/").status_code == status
    rows = client.get(url, params={"teacher": teacher.id}).json()["results"]
    assert [row["id"] for row in rows] == [mine.id]
    assert rows[0]["teachers"] == [teacher.id]


def test_the_capacity_is_never_below_those_enrolled(api: Api, client: httpx.Client) -> None:
    section = api.make.section(capacity=3)
    for _ in range(2):
        api.make.enrollment(section, api.make.student())
    here = f"{ACADEMICS}/sections/{section.id}/"
    assert one_error(client.patch(here, json={"capacity": 1})) == ("/capacity", "TOO_SMALL")
    assert client.patch(here, json={"capacity": 2}).json()["enrolled_count"] == 2
