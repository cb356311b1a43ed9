"""The student register over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.factories import Make

URL = "/api/students/"


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def registrar(api: Api) -> httpx.Client:
    return api.as_("Registrar")


def body_of(api: Api, **values: Any) -> dict[str, Any]:
    n = api.make.number()
    return {"reg_no": f"S-{n}", "name": f"Student {n}", "program": api.make.program().id} | values


def test_a_student_is_added_with_all_fields(api: Api, registrar: httpx.Client) -> None:
    place = api.make.place(year=2025)
    user = api.make.user("Student")
    body = {
        "reg_no": " 2025-001 ",
        "name": " Amina Yusuf ",
        "program": place.program.id,
        "batch": place.batch.id,
        "group": place.group.id,
        "status": "on_leave",
        "user": user.id,
        "expected_graduation_year": 2030,
        "actual_graduation_year": None,
        "email": " amina@example.edu ",
        "phone": "+92 (300) 123-4567",
        "date_of_birth": "2004-02-29",
    }
    answer = registrar.post(URL, json=body)
    expected = body | {
        "id": answer.json()["id"],
        "reg_no": "2025-001",
        "name": "Amina Yusuf",
        "email": "amina@example.edu",
        "program_name": place.program.name,
        "batch_name": place.batch.name,
        "group_name": place.group.name,
        "enrollment_year": 2025,
        "version": 1,
    }
    assert (answer.status_code, answer.json()) == (201, expected)
    assert answer.headers["location"] == f"{URL}{expected['id']}/"
    assert registrar.get(answer.headers["location"]).json() == expected
    assert api.sign_in(user).get(f"{URL}me/").json() == expected
    rows = registrar.get(URL, params={"reg_no": "2025-001"}).json()["results"]
    assert rows == [expected]


def test_without_a_batch_the_year_is_that_of_the_institution_s_today(
    start_api: Callable[..., Api], make: Make
) -> None:
    api = start_api(time_zone="Pacific/Kiritimati")
    zone = ZoneInfo("Pacific/Kiritimati")
    before = datetime.now(zone).year
    answer = api.as_("Registrar").post(URL, json=body_of(api))
    assert answer.status_code == 201
    assert before <= answer.json()["enrollment_year"] <= datetime.now(zone).year
    assert answer.json()["batch"] is None


def test_the_year_follows_the_batch_and_stays_without_one(
    api: Api, registrar: httpx.Client
) -> None:
    place, later = api.make.place(year=2021), api.make.place(year=2023)
    body = body_of(api, program=place.program.id, batch=place.batch.id)
    here = registrar.post(URL, json=body).headers["location"]
    moved = {"program": later.program.id, "batch": later.batch.id}
    assert registrar.patch(here, json=moved).json()["enrollment_year"] == 2023
    assert registrar.patch(here, json={"batch": None}).json()["enrollment_year"] == 2023


def test_batch_and_group_fit_or_the_field_that_does_not_is_named(
    api: Api, registrar: httpx.Client
) -> None:
    place, other = api.make.place(), api.make.place()
    sibling = api.make.batch(place.program)
    fitting = {"program": place.program.id, "batch": place.batch.id, "group": place.group.id}
    here = registrar.post(URL, json=body_of(api, **fitting)).headers["location"]
    before = registrar.get(here).json()
    for wrong, field in (
        ({"batch": other.batch.id}, "batch"),
        ({"batch": 2**52, "group": None}, "batch"),
        ({"program": other.program.id}, "batch"),
        ({"group": other.group.id}, "group"),
        ({"batch": sibling.id}, "group"),
        ({"batch": None}, "group"),
    ):
        for answer in (
            registrar.patch(here, json=wrong),
            registrar.put(here, json=body_of(api, **fitting) | wrong),
            registrar.post(URL, json=body_of(api, **fitting) | wrong),
        ):
            problem = problem_of(answer, 400, "VALIDATION_ERROR")
            pointers = [(e["pointer"], e["code"]) for e in problem["errors"]]
            assert pointers == [(f"/{field}", "DOES_NOT_EXIST")], wrong
    for wrong in ({"program": 2**52, "batch": None, "group": None}, {"user": 2**52}):
        problem = problem_of(registrar.patch(here, json=wrong), 400, "VALIDATION_ERROR")
        assert problem["errors"][0]["pointer"] == f"/{next(iter(wrong))}"
    assert registrar.get(here).json() == before


def test_a_number_and_a_login_belong_to_one_student(api: Api, registrar: httpx.Client) -> None:
    user = api.make.user("Student")
    first = registrar.post(URL, json=body_of(api, user=user.id)).json()
    for clash, field in (({"reg_no": first["reg_no"]}, "reg_no"), ({"user": user.id}, "user")):
        problem = problem_of(registrar.post(URL, json=body_of(api, **clash)), 409, "DUPLICATE")
        assert [e["pointer"] for e in problem["errors"]] == [f"/{field}"]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("reg_no", ["", " ", "x" * 33, None, 5, "a\nb"]),
        ("name", ["", "x" * 256, None, {}, "a\u2028b"]),
        ("status", ["", "ACTIVE", "expelled", None, 1]),
        (
            "email",
            ["", "x", "a@b", "a b@c.de", "a@b\n.c", "ä@b.de", "a" * 65 + "@b.de", 7],
        ),
        ("phone", ["", "123", "call me", "+", "0" * 40, 923001234567]),
        ("date_of_birth", ["1899-12-31", "2005-02-29", "30.09.2004", "", 1e9, "1096502400"]),
        ("expected_graduation_year", [1899, 2201, "2030", 2030.5, True]),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(
    api: Api, registrar: httpx.Client, field: str, values: list[Any]
) -> None:
    student = api.make.student()
    for value in values:
        for answer in (
            registrar.post(URL, json=body_of(api) | {field: value}),
            registrar.patch(f"{URL}{student.id}/", json={field: value}),
        ):
            problem = problem_of(answer, 400, "VALIDATION_ERROR")
            assert [e["pointer"] for e in problem["errors"]] == [f"/{field}"], value


def test_several_mistakes_are_told_at_once(api: Api, registrar: httpx.Client) -> None:
    body = body_of(api, name="", email="x", surprise=1)
    del body["reg_no"]
    problem = problem_of(registrar.post(URL, json=body), 400, "VALIDATION_ERROR")
    pointers = {e["pointer"] for e in problem["errors"]}
    assert pointers == {"/reg_no", "/name", "/email", "/surprise"}
    for pointer in pointers:
        assert pointer in problem["detail"]


def test_optional_fields_are_emptied_with_null(api: Api, registrar: httpx.Client) -> None:
    full = body_of(api, email="a@example.edu", phone="12345", date_of_birth="2000-01-01")
    here = registrar.post(URL, json=full).headers["location"]
    empty = {"email": None, "phone": None, "date_of_birth": None}
    answer = registrar.patch(here, json=empty).json()
    assert {name: answer[name] for name in empty} == empty


def test_students_are_not_deleted(api: Api, registrar: httpx.Client) -> None:
    answer = registrar.delete(f"{URL}{api.make.student().id}/")
    problem_of(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, PATCH, PUT"


def test_search_finds_number_name_address_and_phone_in_any_case(
    api: Api, registrar: httpx.Client
) -> None:
    registrar.post(
        URL,
        json=body_of(
            api,
            reg_no="ÖZ-77",
            name="Zeynep İPEK ΟΔΥΣΣΕΥΣ",
            email="Zey@Ex.edu",
            phone="+90 555 777",
        ),
    )
    for text in ("öz-77", "zeynep", "İPEK", "ΟΔΥΣΣΕΥΣ", "zey@EX", "555 777"):
        found = registrar.get(URL, params={"search": text}).json()
        assert [row["reg_no"] for row in found["results"]] == ["ÖZ-77"], text


def test_a_renamed_program_is_a_new_representation(api: Api, registrar: httpx.Client) -> None:
    """What a conditional GET answers must not be older than what a plain one does."""
    place = api.make.place()
    student = api.make.student(place.program, batch_id=place.batch.id)
    here = f"{URL}{student.id}/"
    known = registrar.get(here).headers["etag"]
    renamed = registrar.patch(
        f"/api/academics/programs/{place.program.id}/", json={"name": "Renamed program"}
    )
    assert renamed.status_code == 200
    answer = registrar.get(here, headers={"If-None-Match": known})
    assert answer.status_code == 200
    assert answer.json()["program_name"] == "Renamed program"
    # The student did not change: whoever read it before the renaming may still change it.
    assert registrar.patch(here, json={}, headers={"If-Match": known}).status_code == 200
