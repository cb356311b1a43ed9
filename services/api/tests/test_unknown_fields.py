"""Every column of every table is sent to every route that writes; none of them gets in."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.params import Form
from fastapi.routing import RouteContext
from pydantic import BaseModel
from services.api.tests.conftest import Api, problem_of
from services.api.tests.exam_rows import VALID as EXAMS_VALID
from sqlalchemy import select

from sims_api import policy
from sims_core.models import Base

BOOKKEEPING = {"auth_session", "idempotency_key", "outbox", "audit_chain"}
COLUMNS = {column.name for table in Base.metadata.sorted_tables for column in table.columns}
TRICKS = {"__class__", "__init__", "__proto__", "constructor", "_sa_instance_state", "metadata"}


def writes(api: Api) -> list[tuple[str, RouteContext, type[BaseModel]]]:
    """(method, route, schema of its JSON body) of each route that takes one."""
    found = []
    for route in policy.routes(api.app):
        schema = getattr(route.body_field, "field_info", None)
        kinds = [k for k in _members(getattr(schema, "annotation", None)) if _is_model(k)]
        found += [
            (method, route, kind)
            for method in route.methods or ()
            for kind in kinds
            if not isinstance(schema, Form)
        ]
    return found


def _members(annotation: Any) -> list[Any]:
    return [annotation, *getattr(annotation, "__args__", ())]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def snapshot(api: Api) -> dict[str, list[Any]]:
    """All rows of all tables but those in which any request leaves a trace."""
    session = api.make.session
    tables = [t for t in Base.metadata.sorted_tables if t.name not in BOOKKEEPING]
    found = {t.name: list(session.execute(select(t).order_by(*t.primary_key))) for t in tables}
    found["audit_event"] = [e for e in found["audit_event"] if e.entity not in BOOKKEEPING]
    session.rollback()
    return found


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    """One row of each entity, so that ``/1/`` is there."""
    make = shared_api.make
    place = make.place()
    make.course()
    make.period()
    make.student(place.program, batch_id=place.batch.id, email="a@example.edu")
    return shared_api


def test_every_writing_route_with_a_json_body_is_among_them(api: Api) -> None:
    found = {(method, route.path) for method, route, _ in writes(api)}
    with_json = {
        (method, route.path)
        for route in policy.routes(api.app)
        for method in route.methods or ()
        if route.body_field is not None and not isinstance(route.body_field.field_info, Form)
    }
    assert found == with_json


def test_a_field_that_is_not_in_the_schema_is_refused_by_its_name(api: Api) -> None:
    user = api.make.user("Admin", is_superuser=True)
    before = snapshot(api)
    cells = 0
    for method, route, schema in writes(api):
        foreign = sorted((COLUMNS | TRICKS) - schema.model_fields.keys())
        url = str(route.path).format(id=1, student_id=1)
        answer = api.sign_in(user).request(method, url, json=dict.fromkeys(foreign, 1))
        body = problem_of(answer, 400, "VALIDATION_ERROR")
        refused = {e["pointer"] for e in body["errors"] if e["code"] == "EXTRA_FORBIDDEN"}
        assert refused == {f"/{name}" for name in foreign}, (method, route.path)
        cells += len(foreign)
    assert cells > 1000
    assert snapshot(api) == before


VALID: dict[str, dict[str, Any]] = EXAMS_VALID | {
    "/api/students/{id}/": {"name": "New name"},
    "/api/academics/programs/{id}/": {"name": "New name"},
    "/api/academics/batches/{id}/": {"name": "New name"},
    "/api/academics/groups/{id}/": {"name": "New name"},
    "/api/academics/departments/{id}/": {"name": "New name"},
    "/api/academics/academic-periods/{id}/": {"name": "New name"},
    "/api/academics/courses/{id}/": {"name": "New name"},
    "/api/academics/periods/{id}/": {"name": "New name"},
    "/api/academics/tracks/{id}/": {"name": "New name"},
    "/api/academics/blocks/{id}/": {"name": "New name"},
    "/api/academics/modules/{id}/": {"name": "New name"},
    "/api/academics/sections/{id}/": {"name": "New name"},
    "/api/people/persons/{id}/": {"first_name": "New"},
    "/api/people/contact-info/{id}/": {"value": "+92 300 1234567"},
    "/api/people/addresses/{id}/": {"city": "Quetta"},
    "/api/people/identity-documents/{id}/": {"number": "7"},
    "/api/students/{id}/placement/": {"group": None},
    "/api/timetable/rooms/{id}/": {"name": "New name"},
    "/api/timetable/sessions/{id}/": {"title": "New title"},
    "/api/transcripts/purposes/{id}/": {"name": "New name"},
    "/api/users/{id}/": {"full_name": "New name"},
    "/api/roles/{id}/": {"description": "New"},
    "/api/settings/": {"student_portal_results": True},
}


@pytest.mark.parametrize(
    "stowaway",
    [{"id": 99}, {"version": 99}, {"created_at": "2020-01-01T00:00:00Z"}, {"updated_at": None}],
)
def test_one_wrong_field_keeps_the_right_ones_out_too(api: Api, stowaway: dict[str, Any]) -> None:
    client = api.as_("Admin")
    before = snapshot(api)
    patches = {str(r.path) for method, r, _ in writes(api) if method == "PATCH"}
    assert patches == VALID.keys()
    for path, body in VALID.items():
        problem_of(
            client.patch(path.format(id=1, student_id=1), json=body | stowaway),
            400,
            "VALIDATION_ERROR",
        )
    after = snapshot(api)
    for name in before.keys() - {"user_account", "user_role"}:
        assert after[name] == before[name]


@pytest.mark.parametrize(
    "field", ["enrollment_year", "search_text", "program_name", "program_id", "is_superuser"]
)
def test_a_student_s_derived_fields_cannot_be_written(api: Api, field: str) -> None:
    answer = api.as_("Registrar").patch("/api/students/1/", json={field: 1})
    body = problem_of(answer, 400, "VALIDATION_ERROR")
    assert [(e["pointer"], e["code"]) for e in body["errors"]] == [(f"/{field}", "EXTRA_FORBIDDEN")]


def test_the_login_of_a_student_cannot_be_made_a_staff_login(api: Api) -> None:
    """``user`` links a login to a record; what the login may do does not change by it."""
    user = api.make.user()
    registrar = api.as_("Registrar")
    assert registrar.patch("/api/students/1/", json={"user": user.id}).status_code == 200
    me = api.sign_in(user).get("/api/auth/me/").json()
    assert (me["role"], me["student_id"]) == ("User", 1)
    problem_of(api.sign_in(user).get("/api/students/1/"), 403, "PERMISSION_DENIED")
