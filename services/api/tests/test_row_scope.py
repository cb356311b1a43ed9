"""A student reaches the own rows, on every route, with every id that there is."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.exam_rows import exam_rows, exam_scope
from services.api.tests.factories import Make
from services.api.tests.record_rows import record_of
from sqlalchemy import select
from sqlalchemy.orm import Session

from sims_api import policy
from sims_core.domain.permissions import PERMISSIONS, STUDENT
from sims_core.models import (
    AcademicPeriod,
    Base,
    Batch,
    Block,
    Course,
    Department,
    Group,
    Module,
    Period,
    Program,
    Student,
    Track,
    TranscriptBatch,
    TranscriptPurpose,
    User,
)

STATES = ("DRAFT", "VERIFIED", "PUBLISHED", "FROZEN")
Ids = set[Any]


@dataclass
class School:
    """Two students with logins, one without, each with a result in every state."""

    api: Api
    user: User
    own: Student
    released: Ids
    requests: Ids
    sections: Ids
    exams: dict[str, int]
    more: dict[str, Ids]

    def client(self) -> httpx.Client:
        return self.api.sign_in(self.user)


@pytest.fixture(scope="module")
def school(shared_api: Api) -> School:
    make = shared_api.make
    place = make.place()
    registrar = make.user("Registrar")
    user, rival = make.user("Student"), make.user("Student")
    students = [
        make.student(
            place.program,
            user_id=login,
            batch_id=place.batch.id,
            group_id=place.group.id,
            email=f"student{n}@example.edu",
        )
        for n, login in enumerate((user.id, rival.id, None))
    ]
    results = {(s.id, state): make.result(s, state).id for s in students for state in STATES}
    own = students[0]
    requests = {
        make.transcript_request(own, by=registrar).id,  # about the student
        make.transcript_request(own, by=user).id,
    }
    for other in students[1:]:
        make.transcript_request(other, by=registrar)
    make.transcript_request(students[1], by=rival)
    make.session.add(TranscriptBatch(id=uuid.uuid4(), requested_by_id=registrar.id))
    make.session.commit()
    make.student_import(registrar)
    taken = make.section(registrar)
    make.enrollment(taken, own)
    make.enrollment(make.section(), students[1])
    make.enrollment(make.section(), own, status="dropped")
    make.block()
    exams = exam_rows(make, own, registrar, 1)
    exam_rows(make, students[1], registrar, 2)
    room, more = make.room(), record_of(make, own, taken, registrar)
    record_of(make, students[1], make.section(), registrar)
    more |= {path: {room.id} for path in ("/api/timetable/rooms/", "/api/timetable/rooms/{id}/")}
    released = {results[own.id, state] for state in ("PUBLISHED", "FROZEN")}
    released.add(exams["/api/results/"])
    sections = {taken.id, exams["/api/academics/sections/"]}
    more["/api/academics/sections/{id}/availability/"] = sections
    return School(shared_api, user, own, released, requests, sections, exams, more)


def every_id(session: Session) -> list[Any]:
    """Every primary key of one column in the database, and some that nobody has."""
    found: Ids = {0, 2**52, uuid.uuid4()}
    for table in Base.metadata.sorted_tables:
        columns = list(table.primary_key.columns)
        if len(columns) == 1:
            found |= set(session.scalars(select(columns[0])))
    session.rollback()
    return sorted((f for f in found if isinstance(f, int | uuid.UUID)), key=str)


REFERENCE: dict[str, type[Base]] = {
    "/api/academics/programs/": Program,
    "/api/academics/batches/": Batch,
    "/api/academics/groups/": Group,
    "/api/academics/departments/": Department,
    "/api/academics/academic-periods/": AcademicPeriod,
    "/api/academics/courses/": Course,
    "/api/academics/periods/": Period,
    "/api/academics/tracks/": Track,
    "/api/academics/blocks/": Block,
    "/api/academics/modules/": Module,
    "/api/transcripts/purposes/": TranscriptPurpose,
}


def reachable(school: School) -> dict[str, Ids]:
    """For each route with an id or with rows: the ids that the student may see there."""
    own, session = {school.own.id}, school.api.make.session
    found: dict[str, Ids] = {
        **school.more,
        "/api/academics/sections/": school.sections,
        "/api/academics/sections/{id}/": school.sections,
        "/api/students/": own,
        "/api/students/{id}/": own,
        "/api/results/": school.released,
        "/api/results/{id}/": school.released,
        "/api/transcripts/{student_id}/": own,
        "/api/transcripts/requests/": school.requests,
        "/api/transcripts/requests/{id}/": school.requests,
        "/api/transcripts/batches/{id}/": set(),
        "/api/admin/students/import/{id}/detail/": set(),
        "/api/admin/students/import/{id}/errors.csv/": set(),
        "/api/admin/students/import/jobs/": set(),
        "/api/audit/{id}/": set(),
        "/api/jobs/{id}/": set(),
        "/api/roles/{id}/": set(),
        "/api/transcripts/documents/{id}/": set(),
        "/api/users/{id}/": set(),
        "/api/users/{id}/sessions/": set(),
    }
    found |= exam_scope(school.api.make, school.own, school.exams)
    for path, model in REFERENCE.items():
        ids = set(session.scalars(select(model.id)))  # type: ignore[attr-defined]
        found |= {path: ids, f"{path}{{id}}/": ids}
    session.rollback()
    return found


def test_each_route_with_an_id_shows_the_own_rows_and_hides_all_others(school: School) -> None:
    client = school.client()
    allowed = reachable(school)
    tried: set[str] = set()
    for route in policy.routes(school.api.app):
        path = str(route.path)
        if "{" not in path or "GET" not in (route.methods or ()) or "{name}" in path:
            continue
        if "/verify/" in path:  # answers everybody the same, whatever the token
            continue
        for id_ in every_id(school.api.make.session):
            answer = client.get(path.format(id=id_, student_id=id_, token=id_))
            where = f"GET {path} {id_} → {answer.status_code}"
            if id_ in allowed[path]:
                # No file was uploaded here; what matters is that it would be sent.
                shown = 503 if path.endswith("/content/") else 200
                assert answer.status_code == shown, where
            else:
                assert answer.status_code in (400, 403, 404), where
            tried.add(path)
    assert tried == {path for path in allowed if "{" in path}


def rows_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.json()["count"] == len(answer.json()["results"])
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def closed_to_students(api: Api) -> set[str]:
    """Paths that answer no student at all; test_policy proves the 403."""
    student = {code for code, (_, roles) in PERMISSIONS.items() if STUDENT in roles}
    return {
        str(route.path)
        for route in policy.routes(api.app)
        for found in policy.policies(route)
        if "GET" in (route.methods or ())
        and isinstance(found, policy.Allowed)
        and not {found.code, found.own} & student
    }


def lists(api: Api) -> list[str]:
    """The paths that answer a student with rows."""
    schema = api.app.openapi()["paths"]
    closed = closed_to_students(api)
    return [
        path
        for path, operations in schema.items()
        if any(p["name"] == "page_size" for p in operations.get("get", {}).get("parameters", []))
        and "{" not in path
        and path not in closed
    ]


def test_each_list_holds_the_own_rows_alone(school: School) -> None:
    client, allowed = school.client(), reachable(school)
    paths = lists(school.api)
    assert set(paths) == {path for path in allowed if "{" not in path} - {
        "/api/admin/students/import/jobs/"
    }
    for path in paths:
        ids = {_typed(row["id"]) for row in rows_of(client.get(path))}
        assert ids == allowed[path], path


def _typed(id_: object) -> object:
    return uuid.UUID(id_) if isinstance(id_, str) else id_


def test_no_filter_search_or_ordering_leads_out_of_the_own_rows(school: School) -> None:
    client, allowed = school.client(), reachable(school)
    for path in set(lists(school.api)) - {"/api/attendance/exemptions/"}:
        parameters = school.api.app.openapi()["paths"][path]["get"]["parameters"]
        names = {p["name"] for p in parameters if p["in"] == "query"}
        tries: list[dict[str, Any]] = [
            {name: id_}
            for name in names - {"page", "page_size", "cursor", "ordering"}
            for id_ in every_id(school.api.make.session)
        ]
        orderings = _enum(next(p for p in parameters if p["name"] == "ordering"))
        tries += [{"ordering": value} for value in orderings]
        tries += [{"search": text} for text in ("%", "student", "R-", "@")]
        for query in tries:
            answer = client.get(path, params={k: str(v) for k, v in query.items()})
            if answer.status_code == 400:
                continue
            assert {_typed(r["id"]) for r in rows_of(answer)} <= allowed[path], (path, query)


def _enum(parameter: dict[str, Any]) -> list[str]:
    found: list[str] = parameter["schema"]["enum"]
    return found


def test_a_cursor_of_somebody_else_s_list_shows_no_more(school: School) -> None:
    registrar = school.api.as_("Registrar")
    for path in ("/api/students/", "/api/results/", "/api/transcripts/requests/"):
        following = registrar.get(path, params={"page_size": 1}).json()["next"]
        answer = school.client().get(following)
        seen = {_typed(row["id"]) for row in answer.json()["results"]}
        assert seen <= reachable(school)[path]


def test_what_is_not_yours_and_what_is_not_there_get_the_same_answer(school: School) -> None:
    client = school.client()
    other = next(i for i in _students(school) if i != school.own.id)
    for path in ("/api/students/{}/", "/api/transcripts/{}/"):
        bodies = [client.get(path.format(id_)).json() for id_ in (other, 2**52)]
        for body in bodies:
            for varying in ("request_id", "instance"):
                body.pop(varying)
        assert bodies[0] == bodies[1]


def _students(school: School) -> list[int]:
    found = list(school.api.make.session.scalars(select(Student.id)))
    school.api.make.session.rollback()
    return found


def test_a_draft_is_never_shown_to_its_student(school: School) -> None:
    client = school.client()
    assert {r["status"] for r in rows_of(client.get("/api/results/"))} == {"PUBLISHED", "FROZEN"}
    for state in ("DRAFT", "VERIFIED"):
        assert rows_of(client.get("/api/results/", params={"status": state})) == []


def test_a_student_asks_for_the_own_transcript_alone(school: School) -> None:
    client = school.client()
    for id_ in [*_students(school), 2**52]:
        answer = client.post("/api/transcripts/enqueue/", json={"student_id": id_})
        if id_ == school.own.id:
            assert answer.status_code == 202
            school.requests.add(uuid.UUID(answer.json()["id"]))
        else:
            problem_of(answer, 404, "NOT_FOUND")


def test_me_is_the_own_record_and_404_for_who_is_no_student(school: School) -> None:
    assert school.client().get("/api/students/me/").json()["id"] == school.own.id
    problem_of(school.api.as_("Student").get("/api/students/me/"), 404, "NOT_FOUND")
    problem_of(school.api.as_("Registrar").get("/api/students/me/"), 403, "PERMISSION_DENIED")


def test_a_student_without_a_record_sees_none(school: School) -> None:
    client = school.api.as_("Student")
    for path in ("/api/students/", "/api/results/", "/api/transcripts/requests/"):
        assert rows_of(client.get(path)) == []


def test_staff_with_view_see_all_rows(school: School) -> None:
    session = school.api.make.session
    client = school.api.as_("ExamCell")
    ids = {row["id"] for row in rows_of(client.get("/api/results/", params={"page_size": 200}))}
    assert len(ids) == 3 * len(STATES) + 2
    assert {row["id"] for row in rows_of(client.get("/api/students/"))} == set(_students(school))
    session.rollback()


def test_an_import_is_its_maker_s_alone(start_api: Callable[..., Api], make: Make) -> None:
    api = start_api()
    maker, other = make.user("Registrar"), make.user("Admin", is_superuser=True)
    job = make.student_import(maker)
    for part in ("detail", "errors.csv"):
        path = f"/api/admin/students/import/{job.id}/{part}/"
        assert api.sign_in(maker).get(path).status_code == 200
        problem_of(api.sign_in(other).get(path), 404, "NOT_FOUND")
    body = {"import_job_id": str(job.id), "confirm": True}
    answer = api.sign_in(other).post("/api/admin/students/import/commit/", json=body)
    problem_of(answer, 404, "NOT_FOUND")
    jobs = "/api/admin/students/import/jobs/"
    assert [j["import_job_id"] for j in api.sign_in(maker).get(jobs).json()] == [str(job.id)]
    assert api.sign_in(other).get(jobs).json() == []
