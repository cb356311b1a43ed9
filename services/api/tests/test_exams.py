"""Exams, components and grading schemes: what stands once results depend on it."""

from __future__ import annotations

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.exam_hall import Body, Hall, hall

COMPONENTS, SCHEMES = "/api/exam-components/", "/api/grading-schemes/"
BANDS = [
    {"min_percent": 0, "letter": "F", "points": 0},
    {"min_percent": 50, "letter": "P", "points": 4},
]


@pytest.fixture
def one(shared_api: Api) -> Hall:
    return hall(shared_api)


@pytest.fixture
def cell(one: Hall) -> httpx.Client:
    return one.api.as_("ExamCell")


def rule_of(one: Hall, cell: httpx.Client) -> Body:
    row = cell.get(f"/api/exams/{one.exam.id}/").json()
    names = ("course", "academic_period", "title", "passing_mode", "pass_total_percent")
    return {name: row[name] for name in names}


@pytest.mark.parametrize(
    "wrong",
    [
        {"pass_total_percent": None},
        {"passing_mode": "HYBRID", "pass_total_percent": None},
        {"passing_mode": "COMPONENT_WISE"},
        {"pass_total_percent": 101},
        {"pass_total_marks": -1},
        {"scheduled_at": "2026-09-30T09:00:00"},
        {"scheduled_at": 1800000000},
    ],
)
def test_a_rule_that_decides_nothing_is_refused(one: Hall, cell: httpx.Client, wrong: Body) -> None:
    body = rule_of(one, cell) | {"title": "Another"} | wrong
    problem_of(cell.post("/api/exams/", json=body), 400, "VALIDATION_ERROR")


def test_a_changed_rule_reaches_drafts_and_no_verified_result(
    one: Hall, cell: httpx.Client
) -> None:
    one.fill(cell, theory=60, practical=5)
    path = f"/api/exams/{one.exam.id}/"
    before = one.grid(cell)
    assert {row["final_outcome"] for row in before.values()} == {"PASS"}
    assert cell.patch(path, json={"pass_total_percent": 66}).status_code == 200
    after = one.grid(cell)
    assert {row["final_outcome"] for row in after.values()} == {"FAIL"}
    assert all(after[id_]["etag"] != before[id_]["etag"] for id_ in before)
    other = one.api.make.course().id
    problem_of(cell.patch(path, json={"course": other}), 409, "EXAM_IN_USE")
    one.move(cell, "verify")
    problem_of(cell.patch(path, json={"pass_total_percent": 10}), 409, "EXAM_IN_USE")
    assert cell.patch(path, json={"title": "Renamed"}).status_code == 200
    problem_of(cell.delete(path), 409, "IN_USE")


def test_components_change_with_the_drafts_and_stand_with_verified_results(
    one: Hall, cell: httpx.Client
) -> None:
    one.fill(cell, theory=60, practical=20)
    here = f"{COMPONENTS}{one.theory.id}/"
    part = {"name": "Theory", "sequence": 1, "max_marks": 60, "pass_marks": 61}
    problem_of(cell.put(here, json=part), 400, "VALIDATION_ERROR")
    answer = cell.put(here, json=part | {"max_marks": 59, "pass_marks": None})
    problem_of(answer, 409, "MARKS_OUT_OF_RANGE")
    assert cell.put(here, json=part | {"pass_marks": None}).json()["max_marks"] == "60.00"
    assert {row["total_max"] for row in one.grid(cell).values()} == {"90.00"}
    problem_of(cell.delete(here), 409, "IN_USE")
    viva = {"exam": one.exam.id, "name": "Viva", "sequence": 3, "max_marks": 10}
    made = cell.post(COMPONENTS, json=viva)
    assert made.status_code == 201, made.text
    assert {row["is_complete"] for row in one.grid(cell).values()} == {False}
    assert cell.delete(made.headers["location"]).status_code == 204
    assert {row["is_complete"] for row in one.grid(cell).values()} == {True}
    one.move(cell, "verify")
    for answer in (
        cell.post(COMPONENTS, json=viva),
        cell.put(here, json=part | {"pass_marks": 50}),
        cell.delete(here),
    ):
        problem_of(answer, 409, "EXAM_IN_USE")
    problem_of(one.api.as_("Faculty").post(COMPONENTS, json=viva), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("bands", "text"),
    [
        (BANDS[1:], "must start at 0"),
        ([*BANDS, BANDS[1] | {"letter": "Q"}], "Two bands start at 50"),
        ([*BANDS, {"min_percent": 80, "letter": "A", "points": 3}], "worth less"),
        ([*BANDS, {"min_percent": 80, "letter": "P", "points": 4}], "given twice"),
        ([], ""),
    ],
)
def test_a_scheme_without_one_letter_for_each_score_is_refused(
    cell: httpx.Client, bands: list[Body], text: str
) -> None:
    answer = cell.post(SCHEMES, json={"name": "Broken", "bands": bands})
    assert text in str(problem_of(answer, 400, "VALIDATION_ERROR")["errors"])


def test_a_scheme_is_kept_and_its_bands_stand_once_results_are_graded_by_them(
    one: Hall, cell: httpx.Client
) -> None:
    body = {"name": f"Pass or fail {one.exam.id}", "bands": BANDS}
    made = cell.post(SCHEMES, json=body)
    assert [b["letter"] for b in made.json()["bands"]] == ["P", "F"]
    here = made.headers["location"]
    bands = [BANDS[0], BANDS[1] | {"min_percent": 40}]
    changed = cell.put(
        here, json=body | {"bands": bands}, headers={"If-Match": made.headers["etag"]}
    )
    assert changed.json()["bands"][0]["min_percent"] == "40.00"
    stale = cell.put(here, json=body, headers={"If-Match": made.headers["etag"]})
    problem_of(stale, 412, "VERSION_MISMATCH")
    one.fill(cell, theory=30, practical=20)
    one.move(cell, "verify", "publish")
    default = cell.get(SCHEMES, params={"is_default": True}).json()["results"][0]
    path = f"{SCHEMES}{default['id']}/"
    answer = cell.put(path, json={"name": default["name"], "bands": bands})
    problem_of(answer, 409, "SCHEME_IN_USE")
    same = {"name": "Renamed", "bands": default["bands"]}
    assert cell.put(path, json=same).json()["name"] == "Renamed"
    problem_of(cell.delete(path), 409, "IN_USE")
    problem_of(cell.post(f"{here}make-default/"), 409, "SCHEME_IN_USE")
    program = {"program": one.students[0].program_id}
    problem_of(cell.post(f"{here}assign/", json=program), 409, "SCHEME_IN_USE")
    problem_of(cell.post(f"{here}assign/", json={"program": 2**52}), 400, "VALIDATION_ERROR")
    assert cell.delete(here).status_code == 204


def test_a_program_without_results_gets_its_own_scheme_or_the_new_default(api: Api) -> None:
    cell = api.as_("ExamCell")
    scheme = cell.post(SCHEMES, json={"name": "Pass or fail", "bands": BANDS}).json()
    here = f"{SCHEMES}{scheme['id']}/"
    assert cell.post(f"{here}make-default/").json()["is_default"] is True
    assert cell.get(SCHEMES, params={"is_default": True}).json()["count"] == 1
    found = hall(api)
    own = cell.post(SCHEMES, json={"name": "Own", "bands": [BANDS[0] | {"letter": "Z"}]}).json()
    program = {"program": found.students[0].program_id}
    assert cell.post(f"{SCHEMES}{own['id']}/assign/", json=program).status_code == 200
    found.fill(cell, theory=70, practical=30)
    found.move(cell, "verify", "publish")
    for students, letter in ((found.students, "Z"), (found.others, "P")):
        record = cell.get(f"/api/results/students/{students[0].id}/").json()
        assert record["periods"][0]["courses"][0]["letter"] == letter
    problem_of(cell.delete(f"{SCHEMES}{own['id']}/"), 409, "IN_USE")
