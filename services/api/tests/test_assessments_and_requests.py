"""Coursework within its weights, and requests on their one way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of

from sims_core.models import Section

ASSESSMENTS, SCORES, REQUESTS = "/api/assessments/", "/api/assessment-scores/", "/api/requests/"


@pytest.fixture
def api(shared_api: Api) -> Api:
    return shared_api


def quiz(section: Section, n: int, weight: object = 30) -> dict[str, object]:
    return {"section": section.id, "type": "quiz", "title": f"Quiz {n}", "weight": weight}


def test_weights_of_a_section_stay_within_100_even_at_once(api: Api) -> None:
    teacher = api.make.user("Faculty")
    section = api.make.section(teacher)
    clients = [api.sign_in(teacher) for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        answers = list(
            pool.map(lambda n: clients[n].post(ASSESSMENTS, json=quiz(section, n)), range(5))
        )
    assert sorted(a.status_code for a in answers) == [201, 201, 201, 400, 400]
    client = clients[0]
    one = next(a for a in answers if a.status_code == 201)
    body = quiz(section, 9, 40) | {"max_score": 20}
    del body["section"]
    here = one.headers["location"]
    assert client.put(here, json=body, headers={"If-Match": one.headers["etag"]}).status_code == 200
    answer = client.put(here, json=body | {"weight": 40.01})
    assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"][0]["code"] == "WEIGHT_EXCEEDED"


def test_scores_are_within_the_assessment_and_its_section(api: Api) -> None:
    teacher, user = api.make.user("Faculty"), api.make.user("Student")
    section = api.make.section(teacher)
    student, stranger = api.make.student(user_id=user.id), api.make.student()
    api.make.enrollment(section, student)
    client, me = api.sign_in(teacher), api.sign_in(user)
    made = client.post(ASSESSMENTS, json=quiz(section, 1) | {"max_score": 20}).json()
    body = {"assessment": made["id"], "student": student.id, "score": 20.01}
    answer = client.post(SCORES, json=body)
    assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"][0]["code"] == "SCORE_OUT_OF_RANGE"
    answer = client.post(SCORES, json=body | {"student": stranger.id, "score": 1})
    assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"][0]["code"] == "NOT_ENROLLED"
    score = client.post(SCORES, json=body | {"score": 20})
    assert score.status_code == 201, score.text
    here = score.headers["location"]
    problem_of(client.put(here, json={"score": 5}), 428, "IF_MATCH_REQUIRED")
    etag = {"If-Match": score.headers["etag"]}
    assert client.put(here, json={"score": 5}, headers=etag).json()["score"] == "5.00"
    problem_of(client.put(here, json={"score": 6}, headers=etag), 412, "VERSION_MISMATCH")
    assert [row["score"] for row in me.get(SCORES).json()["results"]] == ["5.00"]
    assert [row["id"] for row in me.get(ASSESSMENTS).json()["results"]] == [made["id"]]
    other = api.as_("Faculty")
    problem_of(other.get(here), 404, "NOT_FOUND")
    problem_of(other.put(here, json={"score": 6}, headers={"If-Match": '"2"'}), 404, "NOT_FOUND")
    problem_of(other.post(ASSESSMENTS, json=quiz(section, 2)), 404, "NOT_FOUND")
    smaller = {"type": "quiz", "title": "Quiz 1", "weight": 30, "max_score": 4}
    answer = client.put(f"{ASSESSMENTS}{made['id']}/", json=smaller)
    assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"][0]["code"] == "TOO_SMALL"
    problem_of(client.delete(f"{ASSESSMENTS}{made['id']}/"), 409, "IN_USE")


def asked(api: Api) -> tuple[httpx.Client, str]:
    user = api.make.user("Student")
    api.make.student(user_id=user.id)
    me = api.sign_in(user)
    answer = me.post(REQUESTS, json={"type": "bonafide", "title": "Bonafide certificate"})
    assert answer.status_code == 201, answer.text
    return me, answer.headers["location"]


def test_a_request_goes_its_way_with_history(api: Api) -> None:
    me, here = asked(api)
    office, officer = api.as_("Registrar"), api.make.user("ExamCell")
    notes = {"notes": "Seen"}
    for early in ("approve", "reject"):
        problem_of(office.post(f"{here}{early}/", json=notes), 409, "NOT_RESOLVABLE")
    problem_of(office.post(f"{here}complete/", json=notes), 409, "NOT_APPROVED")
    for nobody in (2**52, api.make.user("Student").id):
        answer = office.post(f"{here}assign/", json={"user": nobody})
        assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"][0]["code"] == "USER_NOT_FOUND"
    assert office.post(f"{here}assign/", json={"user": officer.id}).json()["status"] == (
        "under_review"
    )
    worker = api.sign_in(officer)
    done = worker.post(f"{here}approve/", json=notes).json()
    assert (done["status"], done["processed_by"]) == ("approved", officer.id)
    problem_of(worker.post(f"{here}reject/", json=notes), 409, "NOT_RESOLVABLE")
    assert worker.post(f"{here}complete/", json=notes).json()["status"] == "completed"
    history = [(e["from_status"], e["to_status"]) for e in me.get(f"{here}history/").json()]
    assert history == [
        (None, "pending"),
        ("pending", "under_review"),
        ("under_review", "approved"),
        ("approved", "completed"),
    ]


def test_a_student_s_requests_are_the_student_s_and_internal_remarks_the_office_s(api: Api) -> None:
    me, here = asked(api)
    other, _ = asked(api)
    office = api.as_("Registrar")
    for path in ("", "history/", "remarks/"):
        problem_of(other.get(f"{here}{path}"), 404, "NOT_FOUND")
    problem_of(other.post(f"{here}remarks/", json={"remark": "x"}), 404, "NOT_FOUND")
    secret = {"remark": "Dues?", "is_internal": True}
    problem_of(me.post(f"{here}remarks/", json=secret), 400, "VALIDATION_ERROR")
    assert office.post(f"{here}remarks/", json=secret).status_code == 201
    assert me.post(f"{here}remarks/", json={"remark": "Please hurry"}).status_code == 201
    assert [r["remark"] for r in me.get(f"{here}remarks/").json()] == ["Please hurry"]
    assert len(office.get(f"{here}remarks/").json()) == 2
    body = {"type": "noc", "title": "x", "student": api.make.student().id}
    problem_of(me.post(REQUESTS, json=body), 404, "NOT_FOUND")
    assert office.post(REQUESTS, json=body).status_code == 201
    nobody = api.as_("Student")
    problem_of(nobody.post(REQUESTS, json={"type": "noc", "title": "x"}), 400, "VALIDATION_ERROR")
