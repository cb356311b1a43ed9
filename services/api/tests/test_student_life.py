"""Placement, status with its history, leave with its approval, and people's data."""

from __future__ import annotations

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from sqlalchemy import text

from sims_core.domain.students import StudentStatus, may_become

URL = "/api/students/"


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def registrar(api: Api) -> httpx.Client:
    return api.as_("Registrar", username="registrar")


def test_placement_moves_a_student_where_the_parts_fit(api: Api, registrar: httpx.Client) -> None:
    student, place, other = api.make.student(), api.make.place(year=2022), api.make.place()
    here = f"{URL}{student.id}/placement/"
    body = {"program": place.program.id, "batch": place.batch.id, "group": place.group.id}
    answer = registrar.patch(here, json=body, headers={"If-Match": '"1"'})
    assert (answer.json()["group"], answer.json()["enrollment_year"]) == (place.group.id, 2022)
    assert answer.headers["etag"] == registrar.get(f"{URL}{student.id}/").headers["etag"]
    for wrong in ({"batch": other.batch.id}, {"group": other.group.id}):
        problem_of(registrar.patch(here, json=body | wrong), 400, "VALIDATION_ERROR")
    stale = registrar.patch(here, json=body, headers={"If-Match": '"1"'})
    problem_of(stale, 412, "VERSION_MISMATCH")


def test_a_status_changes_with_a_reason_along_its_transitions(
    api: Api, registrar: httpx.Client
) -> None:
    for old in StudentStatus:
        for new in StudentStatus:
            student = api.make.student(status=old)
            body = {"status": new, "reason": "as decided"}
            answer = registrar.post(f"{URL}{student.id}/status/", json=body)
            if may_become(old, new):
                assert answer.json()["status"] == new
            else:
                problem_of(answer, 409, "STATUS_TRANSITION")


def test_each_status_is_on_record_with_who_when_and_why(api: Api, registrar: httpx.Client) -> None:
    student = api.make.student()
    here = f"{URL}{student.id}/"
    problem_of(registrar.patch(here, json={"status": "inactive"}), 409, "REASON_REQUIRED")
    problem_of(
        registrar.post(f"{here}status/", json={"status": "inactive"}), 400, "VALIDATION_ERROR"
    )
    body = {"status": "suspended", "reason": "unpaid dues"}
    assert registrar.post(f"{here}status/", json=body).status_code == 200
    api.make.session.execute(
        text("UPDATE student SET status = 'active' WHERE id = :id"), {"id": student.id}
    )
    api.make.session.commit()
    rows = registrar.get(f"{here}status-history/").json()
    assert [(r["from_status"], r["to_status"], r["reason"], r["by"]) for r in rows] == [
        (None, "active", "", None),
        ("active", "suspended", "unpaid dues", "registrar"),
        ("suspended", "active", "", None),  # whoever writes, a row is left
    ]
    missing = f"{URL}{2**52}/"
    problem_of(registrar.get(f"{missing}status-history/"), 404, "NOT_FOUND")
    problem_of(registrar.post(f"{missing}status/", json=body), 404, "NOT_FOUND")


def test_leave_is_asked_for_by_one_and_approved_by_another(
    api: Api, registrar: httpx.Client
) -> None:
    login = api.make.user("Student")
    student, other = api.make.student(user_id=login.id), api.make.student()
    own = api.sign_in(login)
    body = {
        "student": student.id,
        "type": "medical",
        "start_date": "2026-03-01",
        "end_date": "2026-03-05",
        "reason": "Surgery",
    }
    url = "/api/leave-periods/"
    problem_of(own.post(url, json=body | {"student": other.id}), 404, "NOT_FOUND")
    problem_of(own.post(url, json=body | {"end_date": "2026-02-01"}), 400, "VALIDATION_ERROR")
    asked = own.post(url, json=body)
    assert (asked.status_code, asked.json()["status"]) == (201, "pending")
    assert asked.json()["counts_toward_graduation"] is True
    here = asked.headers["location"]
    problem_of(own.post(f"{here}decide/", json={"status": "approved"}), 403, "PERMISSION_DENIED")
    approved = registrar.post(f"{here}decide/", json={"status": "approved", "note": "Seen"})
    assert (approved.json()["status"], approved.json()["decision_note"]) == ("approved", "Seen")
    problem_of(
        registrar.post(f"{here}decide/", json={"status": "approved"}), 409, "LEAVE_TRANSITION"
    )
    mine = registrar.post(url, json=body | {"type": "absence"})
    assert mine.json()["counts_toward_graduation"] is False
    answer = registrar.post(f"{mine.headers['location']}decide/", json={"status": "approved"})
    problem_of(answer, 403, "OWN_REQUEST")
    registrar.post(url, json=body | {"student": other.id})
    assert {row["student"] for row in own.get(url).json()["results"]} == {student.id}


def test_a_student_reads_the_own_person_and_nobody_elses(api: Api, registrar: httpx.Client) -> None:
    login = api.make.user("Student")
    student, other = api.make.student(user_id=login.id), api.make.student()
    own = api.sign_in(login)
    for who in (student, other):
        person = {"student": who.id, "first_name": "Amina", "last_name": f"Yusuf {who.id}"}
        row = registrar.post("/api/people/persons/", json=person).json()
        about = {"person": row["id"]}
        for path, body in (
            ("contact-info", {"type": "phone", "value": "+92 300 1"}),
            ("addresses", {"type": "permanent", "line1": "1 Mall Road", "city": "Lahore"}),
            ("identity-documents", {"type": "cnic", "number": f"35202-{who.id:07}"}),
        ):
            url = f"/api/people/{path}/"
            made = registrar.post(url, json=about | body)
            assert made.status_code == 201, made.text
            status = 200 if who is student else 404
            assert own.get(made.headers["location"]).status_code == status
            problem_of(registrar.post(url, json=about | body), 409, "DUPLICATE")
            problem_of(own.post(url, json=about | body), 403, "PERMISSION_DENIED")
    for path in ("persons", "contact-info", "addresses", "identity-documents"):
        assert own.get(f"/api/people/{path}/").json()["count"] == 1
        assert registrar.get(f"/api/people/{path}/").json()["count"] >= 2
        problem_of(api.as_("Faculty").get(f"/api/people/{path}/"), 403, "PERMISSION_DENIED")
