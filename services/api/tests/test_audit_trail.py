"""What requests leave in the audit trail, and who reads it."""

from __future__ import annotations

from typing import Any

import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.factories import Make
from sqlalchemy import func, select, text

from sims_core import passwords
from sims_core.models import AuditEvent

URL = "/api/audit/"


def newest(make: Make, **wanted: Any) -> list[AuditEvent]:
    make.session.rollback()
    statement = select(AuditEvent).filter_by(source="sims-api", **wanted).order_by(AuditEvent.id)
    return list(make.session.scalars(statement))


def test_a_change_says_who_what_from_where_and_under_which_request(api: Api) -> None:
    make = api.make
    user = make.user("Registrar", username="registrar")
    student = make.student(name="Old")
    client = api.sign_in(user)
    client.headers.update({"X-Request-ID": "request-4711", "User-Agent": "a browser"})
    assert client.patch(f"/api/students/{student.id}/", json={"name": "New"}).status_code == 200
    (event,) = newest(make, entity="student", action="update")
    assert (event.actor_id, event.actor) == (user.id, "registrar")
    assert event.changes == {"name": ["Old", "New"]}
    assert (event.entity_id, event.method) == (str(student.id), "PATCH")
    assert (event.route, event.request_id) == ("/api/students/{id}/", "request-4711")
    assert (event.ip, event.user_agent) == ("127.0.0.1", "a browser")


def test_a_change_that_fails_or_is_rolled_back_is_no_event(api: Api) -> None:
    client = api.as_("Admin")
    api.make.department(code="TAKEN")
    before = len(newest(api.make, entity="department"))
    body = {"name": "Another", "code": "TAKEN"}
    problem_of(client.post("/api/academics/departments/", json=body), 409, "DUPLICATE")
    assert len(newest(api.make, entity="department")) == before


def test_the_actor_of_one_request_is_not_that_of_the_next_on_the_same_connection(
    api: Api,
) -> None:
    one, two = api.make.user("Admin"), api.make.user("Admin")
    for user in (one, two, one):
        body = {"name": f"D{api.make.number()}", "code": f"C{api.make.number()}"}
        assert api.sign_in(user).post("/api/academics/departments/", json=body).status_code == 201
    found = newest(api.make, entity="department", action="create")
    assert [e.actor_id for e in found] == [one.id, two.id, one.id]


def test_reads_of_other_peoples_records_are_events_and_of_ones_own_are_not(api: Api) -> None:
    make = api.make
    asker = make.user("Student")
    own = make.student(user_id=asker.id)
    other = make.student(name="Somebody")
    result = make.result(other)
    staff = make.user("Registrar")
    client = api.sign_in(staff)
    assert client.get("/api/students/", params={"search": "somebody"}).json()["count"] == 1
    assert client.get(f"/api/students/{other.id}/").status_code == 200
    assert client.get("/api/students/export/", params={"format": "xlsx"}).status_code == 200
    assert client.get(f"/api/results/{result.id}/").status_code == 200
    assert client.get(f"/api/transcripts/{other.id}/").status_code == 200
    assert client.get(f"/api/students/{2**40}/").status_code == 404
    found = [
        (e.action, e.entity, e.entity_id, e.changes)
        for e in newest(make, method="GET", actor_id=staff.id)
    ]
    assert found == [
        ("read", "student", None, {"query": {"search": "somebody"}, "ids": [other.id]}),
        ("read", "student", str(other.id), {}),
        ("export", "student", None, {"query": {"format": "xlsx"}, "rows": 2}),
        ("read", "result", str(result.id), {}),
        ("read", "transcript", str(other.id), {}),
    ]
    mine = api.sign_in(asker)
    assert mine.get("/api/students/").json()["count"] == 1
    assert mine.get(f"/api/students/{own.id}/").status_code == 200
    assert newest(make, actor_id=asker.id) == []


def test_a_sign_in_is_an_event_without_its_secrets(api: Api) -> None:
    make = api.make
    make.user("Admin", username="boss", password_hash=passwords.hash_password("correct horse 1"))
    body = {"identifier": "boss", "password": "correct horse 1"}
    answer = api.client().post("/api/auth/login/", json=body)
    assert answer.status_code == 200
    (event,) = newest(make, entity="auth_session")
    assert (event.actor, event.action, event.route) == ("boss", "create", "/api/auth/login/")
    make.session.rollback()
    whole = "".join(
        make.session.scalars(
            select(func.to_jsonb(text("audit_event")).cast(AuditEvent.actor.type)).select_from(
                AuditEvent
            )
        )
    )
    tokens = answer.json()["tokens"]
    for secret in ("correct horse", "$argon2", tokens["access"], tokens["refresh"]):
        assert secret not in whole


def test_the_trail_is_listed_filtered_and_exported_by_admins_alone(api: Api) -> None:
    make = api.make
    user = make.user("Admin")
    client = api.sign_in(user)
    body = {"name": "Anatomy", "code": "ANA"}
    id_ = client.post("/api/academics/departments/", json=body).json()["id"]
    client.patch(f"/api/academics/departments/{id_}/", json={"name": "Histology"})
    query: dict[str, Any] = {"entity": "department", "entity_id": str(id_), "actor": user.id}
    found = client.get(URL, params=query).json()
    assert [row["action"] for row in found["results"]] == ["update", "create"]
    assert found["results"][0]["changes"] == {"name": ["Anatomy", "Histology"]}
    assert client.get(URL, params=query | {"action": "update"}).json()["count"] == 1
    assert client.get(URL, params=query | {"method": "POST"}).json()["count"] == 1
    day = found["results"][0]["at"][:10]
    within = query | {"date_from": day, "date_to": day}
    assert client.get(URL, params=within).json()["count"] == 2
    assert client.get(URL, params=query | {"date_from": "2100-01-01"}).json()["count"] == 0
    assert client.get(URL, params=query | {"date_to": "2020-01-01"}).json()["count"] == 0
    detail = client.get(f"{URL}{found['results'][0]['id']}/").json()
    assert detail == found["results"][0]
    assert "Histology" in client.get(f"{URL}export/", params=query).text
    for path in (URL, f"{URL}{detail['id']}/", f"{URL}export/"):
        problem_of(api.as_("Registrar").get(path), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_route_writes_the_trail(shared_api: Api, method: str) -> None:
    client = shared_api.as_("Admin")
    assert client.request(method, URL).status_code == 405
    assert client.request(method, f"{URL}1/").status_code == 405
