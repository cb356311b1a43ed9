"""The legacy modules: off, read-only, or writing through the canonical rules."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from services.api.tests.conftest import Api, problem_of

READS = ("enrollments/", "assessments/", "assessment-scores/", "requests/", "requests/types/")
METHODS = ("POST", "PUT", "PATCH", "DELETE")


def test_off_nothing_is_there(start_api: Callable[..., Api]) -> None:
    api = start_api(allow_legacy_writes=True)
    client = api.as_("Admin")
    for path in READS:
        problem_of(client.get(f"/api/legacy/{path}"), 404, "NOT_FOUND")
        for method in METHODS:
            problem_of(client.request(method, f"/api/legacy/{path}", json={}), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", [*READS, "enrollments/1/drop", "anything/at/all/"])
def test_read_only_a_write_is_refused_before_sign_in_and_routing(
    start_api: Callable[..., Api], path: str
) -> None:
    api = start_api(enable_legacy_modules=True)
    for client in (api.client(), api.as_("Admin")):
        for method in METHODS:
            answer = client.request(method, f"/api/legacy/{path}", content=b"{broken")
            problem = problem_of(answer, 409, "LEGACY_WRITES_DISABLED")
            assert problem["details"]["method"] == method
            assert problem["details"]["documentation"] == "docs/CANONICAL_MODULES.md"
    problem_of(api.client().get("/api/legacy/enrollments/"), 401, "AUTH_REQUIRED")
    assert api.as_("Admin").post("/api/academics/departments/", json={}).status_code == 400


def test_it_reads_the_same_rows_in_the_same_scope(start_api: Callable[..., Api]) -> None:
    api = start_api(enable_legacy_modules=True)
    make = api.make
    user = make.user("Student")
    own, other = make.student(user_id=user.id), make.student()
    section = make.section()
    for student in (own, other):
        make.enrollment(section, student)
    rows = api.as_("Registrar").get("/api/legacy/enrollments/").json()["results"]
    assert [(r["student"], r["status"]) for r in rows] == [(own.id, "active"), (other.id, "active")]
    mine = api.sign_in(user).get("/api/legacy/enrollments/").json()["results"]
    assert [r["student"] for r in mine] == [own.id]
    path = f"/api/legacy/enrollments/section/{section.id}/availability/"
    found = api.as_("Registrar").get(path).json()
    assert (found["enrolled"], found["available"], found["is_available"]) == (2, 48, True)


def test_writing_is_the_canonical_writing(start_api: Callable[..., Api]) -> None:
    api = start_api(enable_legacy_modules=True, allow_legacy_writes=True)
    make = api.make
    registrar, admin = api.as_("Registrar"), api.as_("Admin")
    section, student = make.section(capacity=1), make.student()
    body = {"student": student.id, "section": section.id}
    made = registrar.post("/api/legacy/enrollments/", json=body)
    assert (made.status_code, made.json()["status"]) == (201, "active")
    problem_of(registrar.post("/api/legacy/enrollments/", json=body), 409, "DUPLICATE_ENROLLMENT")
    full = body | {"student": make.student().id}
    problem_of(registrar.post("/api/legacy/enrollments/", json=full), 409, "SECTION_FULL")

    quiz = {"section": section.id, "type": "quiz", "title": "Quiz 1", "weight": 100}
    assessment = admin.post("/api/legacy/assessments/", json=quiz).json()
    more = admin.post("/api/legacy/assessments/", json=quiz | {"title": "Quiz 2", "weight": 1})
    assert problem_of(more, 400, "VALIDATION_ERROR")["errors"][0]["code"] == "WEIGHT_EXCEEDED"
    score = {"assessment": assessment["id"], "student": student.id, "score": 80}
    given = admin.post("/api/legacy/assessment-scores/", json=score).json()
    assert (given["score"], given["max_score"]) == ("80.00", "100.00")
    assert admin.get(f"/api/assessment-scores/{given['id']}/").json()["score"] == "80.00"

    asked = registrar.post(
        "/api/legacy/requests/", json={"student": student.id, "type": "noc", "title": "NOC"}
    ).json()
    here = f"/api/legacy/requests/{asked['id']}/"
    problem_of(registrar.post(f"{here}approve/", json={"notes": "x"}), 409, "NOT_RESOLVABLE")
    officer = make.user("Registrar")
    assert registrar.post(f"{here}assign/", json={"user": officer.id}).status_code == 200
    assert registrar.post(f"{here}approve/", json={"notes": "fine"}).json()["status"] == "approved"
    assert registrar.get(f"/api/requests/{asked['id']}/").json()["status"] == "approved"

    dropped = registrar.post(
        f"/api/legacy/enrollments/{made.json()['id']}/drop/", json={"reason": "Left"}
    )
    assert dropped.json()["status"] == "dropped"
