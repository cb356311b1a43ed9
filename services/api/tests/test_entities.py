"""The plain entities over HTTP: made, read, changed, refused."""

from __future__ import annotations

import json

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.entity_cases import NUMBERS, TEXTS, Case, batch_body, every_entity, made


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def client(api: Api) -> httpx.Client:
    return api.as_("Registrar")


@every_entity
def test_it_is_created_read_changed_replaced_and_deleted(
    api: Api, client: httpx.Client, case: Case
) -> None:
    body = case.body(api.make, api.make.number())
    answer = client.post(case.path, json=body)
    expected = case.filled(api.make, body) | {"id": answer.json()["id"], "version": 1}
    assert (answer.status_code, answer.json()) == (201, expected)
    here = f"{case.path}{expected['id']}/"
    assert answer.headers["location"] == here

    read = client.get(here)
    assert (read.status_code, read.json()) == (200, expected)
    assert read.headers["etag"] == answer.headers["etag"]
    rows = client.get(case.path, params={"page_size": 200}).json()["results"]
    assert expected in rows  # a list's row is the same as the detail

    changed = client.patch(here, json=case.change, headers={"If-Match": read.headers["etag"]})
    expected |= case.change | {"version": 2}
    assert (changed.status_code, changed.json()) == (200, expected)
    assert changed.headers["etag"] == client.get(here).headers["etag"] != read.headers["etag"]

    replaced = client.put(here, json=body, headers={"If-Match": changed.headers["etag"]})
    expected |= case.filled(api.make, body) | {"version": 3}  # what is left out is the default
    assert (replaced.status_code, replaced.json()) == (200, expected)

    gone = client.delete(here, headers={"If-Match": replaced.headers["etag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    problem_of(client.get(here), 404, "NOT_FOUND")
    for method in ("PATCH", "PUT", "DELETE"):
        json = None if method == "DELETE" else body
        problem_of(client.request(method, here, json=json), 404, "NOT_FOUND")


@every_entity
def test_a_stale_etag_changes_nothing_and_gives_the_current_one(
    api: Api, client: httpx.Client, case: Case
) -> None:
    row = made(client, case.path, case.body(api.make, api.make.number()))
    here = f"{case.path}{row['id']}/"
    assert client.patch(here, json=case.change).status_code == 200
    for stale in ('"1"', 'W/"1"', "nonsense", '"1", "3"', '"1-2"', '"22"', "2", ""):
        for method, body in (("PATCH", case.change), ("DELETE", None)):
            headers = {"If-Match": stale}
            answer = client.request(method, here, json=body, headers=headers)
            problem_of(answer, 412, "VERSION_MISMATCH")
            assert answer.headers["etag"] == '"2"'
    assert client.get(here).json() == row | case.change | {"version": 2}
    for right in ('"2"', "*", '"1", "2"'):
        assert client.patch(here, json={}, headers={"If-Match": right}).status_code == 200


@every_entity
def test_a_current_copy_is_not_sent_again(api: Api, client: httpx.Client, case: Case) -> None:
    row = made(client, case.path, case.body(api.make, api.make.number()))
    here = f"{case.path}{row['id']}/"
    tag = client.get(here).headers["etag"]
    for known in (tag, f'"7", {tag}', f"W/{tag}", "*"):
        answer = client.get(here, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b""), known
        assert answer.headers["etag"] == tag
    for known in ('"2"', "1", "x" * 200):
        assert client.get(here, headers={"If-None-Match": known}).status_code == 200


@every_entity
def test_an_empty_patch_changes_nothing(api: Api, client: httpx.Client, case: Case) -> None:
    row = made(client, case.path, case.body(api.make, api.make.number()))
    answer = client.patch(f"{case.path}{row['id']}/", json={})
    assert (answer.status_code, answer.json()) == (200, row)


@every_entity
def test_a_duplicate_names_the_field(api: Api, client: httpx.Client, case: Case) -> None:
    body = case.body(api.make, api.make.number())
    first = made(client, case.path, body)
    body_of_problem = problem_of(client.post(case.path, json=body), 409, "DUPLICATE")
    errors = [(e["pointer"], e["code"]) for e in body_of_problem["errors"]]
    assert errors == [(f"/{name}", "DUPLICATE") for name in case.unique]
    assert " and ".join(case.unique) in body_of_problem["detail"]
    other = made(client, case.path, case.body(api.make, api.make.number()))
    clash = {k: first[k] for k in body}
    answer = client.put(f"{case.path}{other['id']}/", json=clash)
    problem_of(answer, 409, "DUPLICATE")


@every_entity
def test_what_breaks_a_rule_is_refused_by_post_put_and_patch_alike(
    api: Api, client: httpx.Client, case: Case
) -> None:
    body = case.body(api.make, api.make.number())
    row = made(client, case.path, body)
    here = f"{case.path}{row['id']}/"
    wrong = [*case.wrong, *(({"name": value}, "/name") for value, _ in TEXTS)]
    for fields, pointer in wrong:
        for answer in (
            client.post(case.path, json=case.body(api.make, api.make.number()) | fields),
            client.put(here, json=body | fields),
            client.patch(here, json=fields),
        ):
            problem = problem_of(answer, 400, "VALIDATION_ERROR")
            assert pointer in [e["pointer"] for e in problem["errors"]], (fields, problem)
    for name in body:
        rest = {k: v for k, v in body.items() if k != name}
        problem = problem_of(client.put(here, json=rest), 400, "VALIDATION_ERROR")
        assert problem["errors"] == [
            {"pointer": f"/{name}", "code": "MISSING", "message": "Field required"}
        ]
    assert client.get(here).json() == row


def test_rules_of_text_and_numbers_have_stable_codes(api: Api, client: httpx.Client) -> None:
    body = batch_body(api.make, api.make.number())
    for name, values in (("name", TEXTS), ("program", NUMBERS)):
        for value, code in values:
            answer = client.post("/api/academics/batches/", json=body | {name: value})
            (error,) = problem_of(answer, 400, "VALIDATION_ERROR")["errors"]
            assert (error["pointer"], error["code"]) == (f"/{name}", code), value


def test_texts_are_trimmed_and_kept_as_they_are_otherwise(client: httpx.Client) -> None:
    for name in (
        "  Anatomy \t",
        "تشریح الاعضاء",
        "解剖学 🦴",
        "O'Neil; DROP TABLE student;--",
        '"<b>',
    ):
        body = {"name": name, "code": name.strip()[:32]}
        row = made(client, "/api/academics/departments/", body)
        assert row["name"] == name.strip()


def test_a_custom_structure_is_kept_whole_by_a_patch(client: httpx.Client) -> None:
    custom = {"structure_type": "CUSTOM", "period_length_months": 4, "total_periods": 9}
    row = made(client, "/api/academics/programs/", {"name": "Short courses"} | custom)
    here = f"/api/academics/programs/{row['id']}/"
    for part in ({"structure_type": "YEARLY"}, {"total_periods": None}):
        answer = client.patch(here, json=part)
        (error,) = problem_of(answer, 400, "VALIDATION_ERROR")["errors"]
        assert "CUSTOM" in error["message"]
        assert error["pointer"] == ""
    whole = {"structure_type": "YEARLY", "period_length_months": None, "total_periods": None}
    assert client.patch(here, json=whole).json()["structure_type"] == "YEARLY"


def test_a_period_cannot_end_before_it_starts_by_halves(client: httpx.Client) -> None:
    body = {"name": "Spring", "start_date": "2026-01-01", "end_date": "2026-06-30"}
    row = made(client, "/api/academics/academic-periods/", body)
    here = f"/api/academics/academic-periods/{row['id']}/"
    answer = client.patch(here, json={"end_date": "2025-12-31"})
    (error,) = problem_of(answer, 400, "VALIDATION_ERROR")["errors"]
    assert error["message"] == "end_date is before start_date"
    assert client.patch(here, json={"start_date": "2026-06-30"}).status_code == 200


def test_what_others_refer_to_cannot_be_deleted(api: Api, client: httpx.Client) -> None:
    make = api.make
    place = make.place()
    make.student(place.program, batch_id=place.batch.id, group_id=place.group.id)
    exam = make.exam()
    course = client.get(f"/api/academics/courses/{exam.course_id}/").json()
    for path, id_ in (
        ("programs", place.program.id),
        ("batches", place.batch.id),
        ("groups", place.group.id),
        ("departments", course["department"]),
        ("courses", exam.course_id),
        ("academic-periods", exam.academic_period_id),
    ):
        here = f"/api/academics/{path}/{id_}/"
        problem_of(client.delete(here), 409, "IN_USE")
        assert client.get(here).status_code == 200


def test_a_batch_cannot_leave_its_program_while_students_are_in_it(
    api: Api, client: httpx.Client
) -> None:
    place = api.make.place()
    api.make.student(place.program, batch_id=place.batch.id)
    other = api.make.program()
    answer = client.patch(f"/api/academics/batches/{place.batch.id}/", json={"program": other.id})
    problem_of(answer, 409, "IN_USE")


def test_a_path_without_its_slash_answers_the_same_without_a_redirect(
    client: httpx.Client,
) -> None:
    body = {"name": "No slash", "code": "slashless"}
    answer = client.post("/api/academics/departments", json=body)
    assert answer.status_code == 201
    here = answer.headers["location"].rstrip("/")
    assert client.get(here).json()["name"] == "No slash"
    assert client.patch(here, json={"description": "x"}).status_code == 200
    assert client.get("/api/academics/departments?ordering=id").status_code == 200
    assert client.delete(here).status_code == 204


def test_an_id_in_the_path_is_digits(client: httpx.Client) -> None:
    for id_ in ("0", "-1", "1.0", "1_0", "+1", "0x1", "x", "%201", "1e3", "9" * 30, "1;"):
        answer = client.get(f"/api/academics/departments/{id_}/")
        assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"][0]["pointer"] == "id", id_
    problem_of(client.get(f"/api/academics/departments/{2**52}/"), 404, "NOT_FOUND")


def test_a_number_may_be_written_with_a_point_as_json_allows(client: httpx.Client) -> None:
    body = {"name": "Pointed", "structure_type": "CUSTOM"}
    numbers = b', "period_length_months": 4.0, "total_periods": 6e0}'
    content = json.dumps(body).encode()[:-1] + numbers
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/academics/programs/", content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["period_length_months"], answer.json()["total_periods"]) == (4, 6)
