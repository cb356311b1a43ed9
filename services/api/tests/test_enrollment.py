"""Enrolment: seats, duplicates, prerequisites, the ways out, the waitlist, many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from sqlalchemy import select

from sims_core.models import CoursePrerequisite, Enrollment, Section

ACADEMICS = "/api/academics"


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def registrar(api: Api) -> httpx.Client:
    return api.as_("Registrar", username="registrar")


def enroll(client: httpx.Client, section: Section, **body: object) -> httpx.Response:
    return client.post(f"{ACADEMICS}/sections/{section.id}/enroll/", json=body)


def taken(api: Api, section: Section) -> tuple[int, int]:
    """(the section's count, rows that are enrolled)."""
    session = api.make.session
    count = session.scalars(select(Section.enrolled_count).where(Section.id == section.id)).one()
    rows = session.scalars(
        select(Enrollment.id).where(
            Enrollment.section_id == section.id, Enrollment.status == "enrolled"
        )
    ).all()
    session.rollback()
    return count, len(rows)


def test_of_twenty_at_once_exactly_five_get_the_five_seats(api: Api) -> None:
    section = api.make.section(capacity=5)
    students = [api.make.student() for _ in range(20)]
    clients = [api.as_("Registrar") for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda c, s: enroll(c, section, student_id=s.id), clients, students)
        )
    assert sorted(a.status_code for a in answers) == [201] * 5 + [409] * 15
    for answer in answers:
        if answer.status_code == 409:
            problem_of(answer, 409, "SECTION_FULL")
    assert taken(api, section) == (5, 5)


def test_of_many_at_once_one_student_is_in_once(api: Api) -> None:
    section, student = api.make.section(), api.make.student()
    clients = [api.as_("Registrar") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda c: enroll(c, section, student_id=student.id), clients))
    assert sorted(a.status_code for a in answers) == [201] + [409] * 7
    for answer in answers:
        if answer.status_code == 409:
            problem_of(answer, 409, "DUPLICATE_ENROLLMENT")
    assert taken(api, section) == (1, 1)


def test_drops_and_enrolments_at_once_never_exceed_the_seats(
    api: Api, registrar: httpx.Client
) -> None:
    section = api.make.section(capacity=4)
    inside = [
        enroll(registrar, section, student_id=api.make.student().id).json()["id"] for _ in range(4)
    ]
    outside = [api.make.student().id for _ in range(8)]
    clients = [api.as_("Registrar") for _ in range(12)]

    def act(client: httpx.Client, number: int) -> int:
        if number < 4:
            url = f"{ACADEMICS}/enrollments/{inside[number]}/drop/"
            return client.post(url, json={"reason": "clash"}).status_code
        return enroll(client, section, student_id=outside[number - 4], waitlist=True).status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(act, clients, range(12)))
    assert set(statuses) <= {200, 201}
    assert taken(api, section) == (4, 4)


def test_who_drops_may_come_back_who_withdraws_may_not(api: Api, registrar: httpx.Client) -> None:
    section, student = api.make.section(capacity=1), api.make.student()
    row = enroll(registrar, section, student_id=student.id).json()
    here = f"{ACADEMICS}/enrollments/{row['id']}"
    problem_of(registrar.post(f"{here}/drop/", json={}), 400, "VALIDATION_ERROR")
    dropped = registrar.post(f"{here}/drop/", json={"reason": "timetable"}).json()
    assert (dropped["status"], dropped["ended_at"] is None) == ("dropped", False)
    assert taken(api, section) == (0, 0)
    back = enroll(registrar, section, student_id=student.id).json()
    assert (back["id"], back["status"], back["ended_at"]) == (row["id"], "enrolled", None)
    registrar.post(f"{here}/withdraw/", json={"reason": "moved away"})
    again = registrar.post(f"{here}/drop/", json={"reason": "x"})
    problem_of(again, 409, "ENROLLMENT_TRANSITION")
    answer = enroll(registrar, section, student_id=student.id)
    problem_of(answer, 409, "DUPLICATE_ENROLLMENT")
    events = registrar.get(f"{here}/history/").json()
    assert [(e["from_status"], e["to_status"], e["reason"], e["by"]) for e in events] == [
        (None, "enrolled", "", "registrar"),
        ("enrolled", "dropped", "timetable", "registrar"),
        ("dropped", "enrolled", "", "registrar"),
        ("enrolled", "withdrawn", "moved away", "registrar"),
    ]


def test_a_free_seat_goes_to_who_waits_longest(api: Api, registrar: httpx.Client) -> None:
    section = api.make.section(capacity=1)
    first, second, third = (api.make.student() for _ in range(3))
    row = enroll(registrar, section, student_id=first.id).json()
    problem_of(enroll(registrar, section, student_id=second.id), 409, "SECTION_FULL")
    for student in (second, third):
        waiting = enroll(registrar, section, student_id=student.id, waitlist=True)
        assert waiting.json()["status"] == "waitlisted"
    seats = registrar.get(f"{ACADEMICS}/sections/{section.id}/availability/").json()
    assert seats == {
        "section": section.id,
        "capacity": 1,
        "enrolled": 1,
        "waitlisted": 2,
        "available": 0,
        "is_open": True,
    }
    registrar.post(f"{ACADEMICS}/enrollments/{row['id']}/drop/", json={"reason": "x"})
    rows = registrar.get(
        f"{ACADEMICS}/enrollments/", params={"section": section.id, "ordering": "id"}
    ).json()["results"]
    assert [(r["student"], r["status"]) for r in rows] == [
        (first.id, "dropped"),
        (second.id, "enrolled"),
        (third.id, "waitlisted"),
    ]


def test_a_group_is_enrolled_and_each_refusal_is_named(api: Api, registrar: httpx.Client) -> None:
    place = api.make.place()
    here = {"batch_id": place.batch.id, "group_id": place.group.id}
    students = [api.make.student(place.program, **here) for _ in range(4)]
    api.make.student(place.program, status="suspended", **here)
    section = api.make.section(capacity=2)
    found = enroll(registrar, section, group_id=place.group.id).json()
    assert (found["enrolled"], found["waitlisted"], found["refused"]) == (2, 0, 2)
    assert [r["code"] for r in found["results"]] == [None, None, "SECTION_FULL", "SECTION_FULL"]
    other = api.make.section()
    enroll(registrar, other, student_id=students[0].id)
    sent = [students[0].id, 2**52, students[1].id]
    found = enroll(registrar, other, student_ids=sent).json()
    assert [(r["student"], r["code"]) for r in found["results"]] == [
        (students[0].id, "DUPLICATE_ENROLLMENT"),
        (2**52, "NOT_FOUND"),
        (students[1].id, None),
    ]
    problem_of(enroll(registrar, other, group_id=2**52), 404, "NOT_FOUND")
    wrongs: list[dict[str, object]] = [{}, {"student_id": 1, "group_id": 1}, {"student_ids": []}]
    for wrong in wrongs:
        problem_of(enroll(registrar, other, **wrong), 400, "VALIDATION_ERROR")


def test_prerequisites_are_passed_in_a_released_result(api: Api, registrar: httpx.Client) -> None:
    first, second = api.make.course(), api.make.course()
    api.make.session.add(CoursePrerequisite(course_id=second.id, prerequisite_id=first.id))
    api.make.session.commit()
    section = api.make.section(course_id=second.id)
    for status, outcome, code in (
        ("PUBLISHED", "PASS", 201),
        ("FROZEN", "PASS", 201),
        ("DRAFT", "PASS", 409),
        ("PUBLISHED", "FAIL", 409),
        (None, None, 409),
    ):
        student = api.make.student()
        if status is not None:
            exam = api.make.exam(course_id=first.id)
            api.make.result(student, status, exam_id=exam.id, final_outcome=outcome)
        answer = enroll(registrar, section, student_id=student.id)
        assert answer.status_code == code, (status, outcome, answer.text)
        if code == 409:
            assert first.code in problem_of(answer, 409, "PREREQUISITES_MISSING")["detail"]


def test_a_closed_period_takes_nobody_and_lets_nobody_go(api: Api, registrar: httpx.Client) -> None:
    section, student = api.make.section(), api.make.student()
    row = enroll(registrar, section, student_id=student.id).json()
    period = f"{ACADEMICS}/academic-periods/{section.academic_period_id}"
    registrar.post(f"{period}/close/")
    new = enroll(registrar, section, student_id=api.make.student().id)
    problem_of(new, 409, "TERM_CLOSED")
    for way in ("drop", "withdraw"):
        answer = registrar.post(f"{ACADEMICS}/enrollments/{row['id']}/{way}/", json={"reason": "x"})
        problem_of(answer, 409, "TERM_CLOSED")
    assert taken(api, section) == (1, 1)


def test_a_repeated_request_enrols_once(api: Api, registrar: httpx.Client) -> None:
    section, student = api.make.section(), api.make.student()
    url = f"{ACADEMICS}/sections/{section.id}/enroll/"
    headers = {"Idempotency-Key": "enrol-me-once"}
    answers = [
        registrar.post(url, json={"student_id": student.id}, headers=headers) for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_who_is_not_active_or_not_there_is_not_enrolled(api: Api, registrar: httpx.Client) -> None:
    section = api.make.section()
    graduated = api.make.student(status="graduated")
    problem_of(enroll(registrar, section, student_id=graduated.id), 409, "STUDENT_NOT_ACTIVE")
    problem_of(enroll(registrar, section, student_id=2**52), 404, "NOT_FOUND")
    url = f"{ACADEMICS}/sections/{2**52}/enroll/"
    problem_of(registrar.post(url, json={"student_id": graduated.id}), 404, "NOT_FOUND")
