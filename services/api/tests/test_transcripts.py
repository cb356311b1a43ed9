"""Transcripts: downloaded as a PDF, or asked for and mailed by the worker."""

from __future__ import annotations

import io
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pypdf import PdfReader
from services.api.tests.conftest import Api, LogLines, problem_of
from services.api.tests.factories import Make
from sqlalchemy import delete, select

from sims_core.jobs import PAYLOAD, BatchGenerateTranscripts, GenerateAndEmailTranscript
from sims_core.models import GradingBand, Outbox, Student, TranscriptRequest, User

ENQUEUE = "/api/transcripts/enqueue/"


@pytest.fixture
def examcell(api: Api) -> httpx.Client:
    return api.as_("ExamCell")


@pytest.fixture
def student(make: Make) -> Student:
    place = make.place("MBBS", "2024")
    user = make.user("Student")
    return make.student(
        place.program,
        batch_id=place.batch.id,
        reg_no="2024/7 ü",
        name="Amina Yusuf",
        email="Amina@example.edu",
        user_id=user.id,
    )


def own_client(api: Api, student: Student) -> httpx.Client:
    user = api.make.session.get_one(User, student.user_id)
    api.make.session.commit()
    return api.sign_in(user)


def outbox(make: Make) -> list[Outbox]:
    make.session.rollback()
    return list(make.session.scalars(select(Outbox).order_by(Outbox.created_at)))


def test_a_request_is_accepted_with_the_address_of_its_state(
    api: Api, make: Make, examcell: httpx.Client, student: Student, log_lines: LogLines
) -> None:
    answer = examcell.post(
        ENQUEUE, json={"student_id": student.id}, headers={"X-Request-ID": "ask-0001"}
    )
    body = answer.json()
    expected = {
        "id": body["id"],
        "student_id": student.id,
        "reg_no": "2024/7 ü",
        "email": "Amina@example.edu",
        "purpose": "general",
        "state": "recorded",
        "possible_duplicate": False,
        "error": None,
        "job_id": body["job_id"],
        "batch_id": None,
        "created_at": body["created_at"],
        "sent_at": None,
    }
    assert (answer.status_code, body) == (
        202,
        expected | {"message": "The transcript will be mailed."},
    )
    assert answer.headers["location"] == f"/api/transcripts/requests/{body['id']}/"
    state = examcell.get(answer.headers["location"])
    assert (state.status_code, state.json()) == (200, expected)
    assert examcell.get("/api/transcripts/requests/").json()["results"] == [expected]

    # Request row and job were written together; the job carries the request's id and only ids.
    (job,) = outbox(make)
    assert (str(job.id), job.state, job.request_id) == (body["job_id"], "pending", "ask-0001")
    payload = PAYLOAD.validate_python(job.payload, strict=False)
    assert payload == GenerateAndEmailTranscript(request_id=uuid.UUID(body["id"]))
    assert "Amina" not in str(job.payload)
    (line,) = log_lines.of("transcript requested")
    assert (line["request_id"], line["job_id"]) == ("ask-0001", str(job.id))
    assert "mina@example" not in log_lines.text


def test_whoever_may_ask_for_any_may_name_another_address(
    make: Make, examcell: httpx.Client, student: Student
) -> None:
    body = {"student_id": student.id, "email": " Dean@Other.edu "}
    assert examcell.post(ENQUEUE, json=body).json()["email"] == "Dean@Other.edu"
    assert len(outbox(make)) == 1


def test_a_student_asks_for_the_own_one_to_the_own_address(
    api: Api, make: Make, student: Student
) -> None:
    client = own_client(api, student)
    for email in (None, "Amina@example.edu", "AMINA@EXAMPLE.EDU"):
        body = {"student_id": student.id, "email": email}
        assert client.post(ENQUEUE, json=body).status_code == 202
    other = make.student(email="other@example.edu")
    problem_of(client.post(ENQUEUE, json={"student_id": other.id}), 404, "NOT_FOUND")
    body = {"student_id": student.id, "email": "friend@example.edu"}
    problem_of(client.post(ENQUEUE, json=body), 403, "EMAIL_NOT_ALLOWED")
    assert len(outbox(make)) == 3


def test_without_an_address_one_is_asked_for(
    api: Api, make: Make, examcell: httpx.Client, student: Student
) -> None:
    student.email = None
    make.session.commit()
    for client in (examcell, own_client(api, student)):
        problem = problem_of(
            client.post(ENQUEUE, json={"student_id": student.id}), 400, "EMAIL_MISSING"
        )
        assert [e["pointer"] for e in problem["errors"]] == ["/email"]
    body = {"student_id": student.id, "email": "given@example.edu"}
    assert examcell.post(ENQUEUE, json=body).status_code == 202
    problem_of(own_client(api, student).post(ENQUEUE, json=body), 403, "EMAIL_NOT_ALLOWED")
    assert len(outbox(make)) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"student_id": "1"},
        {"student_id": None},
        {"student_id": 0},
        {"student_id": 1, "email": "no address"},
        {"student_id": 1, "email": "a@b.c\r\nBcc: x@y.z"},
        {"student_id": 1, "email": "a@b.cd,x@y.zz"},
        {"student_id": 1, "email": "Amina <a@b.cd>"},
        {"student_id": 1, "email": ""},
        {"student_id": 1, "state": "sent"},
    ],
)
def test_a_request_of_another_form_is_refused(shared_api: Api, body: dict[str, Any]) -> None:
    answer = shared_api.as_("ExamCell").post(ENQUEUE, json=body)
    assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"]


def test_a_batch_is_cut_into_jobs_and_counts_its_progress(
    api: Api, make: Make, examcell: httpx.Client
) -> None:
    program = make.program()
    students = [make.student(program, email=f"s{n}@example.edu") for n in range(30)]
    ids = [s.id for s in students]
    answer = examcell.post("/api/transcripts/batches/", json={"student_ids": [*ids, ids[0]]})
    body = answer.json()
    assert (answer.status_code, body) == (
        202,
        {
            "id": body["id"],
            "created_at": body["created_at"],
            "total": 30,
            "done": 0,
            "states": {"recorded": 30},
            "message": "The transcripts will be mailed.",
            "left_out": [],
        },
    )
    payloads = [PAYLOAD.validate_python(job.payload, strict=False) for job in outbox(make)]
    chunks = [p.request_ids for p in payloads if isinstance(p, BatchGenerateTranscripts)]
    assert sorted(map(len, chunks)) == [5, 25]
    requests = list(make.session.scalars(select(TranscriptRequest)))
    assert {r.id for r in requests} == {id_ for chunk in chunks for id_ in chunk}
    assert {r.email for r in requests} == {s.email for s in students}

    for request, state in zip(requests, ("sent", "refused", "failed", "sending"), strict=False):
        request.state = state
    make.session.commit()
    state = examcell.get(answer.headers["location"]).json()
    assert (state["total"], state["done"]) == (30, 3)
    assert state["states"] == {
        "recorded": 26, "sent": 1, "refused": 1, "failed": 1, "sending": 1,
    }  # fmt: skip
    listed = examcell.get("/api/transcripts/requests/", params={"batch": body["id"]}).json()
    assert listed["count"] == 30
    failed = {"batch": body["id"], "state": "failed"}
    assert examcell.get("/api/transcripts/requests/", params=failed).json()["count"] == 1
    problem_of(api.as_("Student").get(answer.headers["location"]), 403, "PERMISSION_DENIED")


def test_a_batch_with_a_gap_is_refused_whole_and_says_who(
    make: Make, examcell: httpx.Client
) -> None:
    good, gap = make.student(email="a@example.edu"), make.student(reg_no="NO-MAIL")
    url = "/api/transcripts/batches/"
    answer = examcell.post(url, json={"student_ids": [good.id, gap.id]})
    assert "NO-MAIL" in problem_of(answer, 400, "EMAIL_MISSING")["detail"]
    answer = examcell.post(url, json={"student_ids": [good.id, 2**52]})
    assert str(2**52) in problem_of(answer, 404, "NOT_FOUND")["detail"]
    for ids in ([], None, "1", [0], ["1"], [1] * 1001, [None]):
        problem_of(examcell.post(url, json={"student_ids": ids}), 400, "VALIDATION_ERROR")
    assert outbox(make) == []


def pdf_text(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(answer.content)).pages
    return "\n".join(page.extract_text() for page in pages)


def test_the_pdf_shows_what_was_released_and_nothing_of_a_draft(
    api: Api, make: Make, examcell: httpx.Client, student: Student
) -> None:
    period = make.period(name="Fall 2025", start_date=date(2025, 9, 1))
    for state, code, mark in (
        ("PUBLISHED", "ANA-101", 91),
        ("FROZEN", "PHY-102", 76),
        ("DRAFT", "CANARY-1", 55),
        ("VERIFIED", "CANARY-2", 44),
    ):
        exam = make.exam(course_id=make.course(code=code).id, academic_period_id=period.id)
        make.result(student, state, exam_id=exam.id, total_obtained=Decimal(mark))
    other = make.student(name="Somebody Else")
    exam = make.exam(course_id=make.course(code="CANARY-3").id)
    make.result(other, exam_id=exam.id)

    for client in (examcell, own_client(api, student)):
        answer = client.get(f"/api/transcripts/{student.id}/")
        text = pdf_text(answer)
        for shown in ("Test College", "Amina Yusuf", "2024/7 ü", "MBBS", "Fall 2025"):
            assert shown in text
        for line in ("ANA-101", "91.00", "A+", "PHY-102", "76.00", "3.50"):
            assert line in text, text
        assert "CANARY" not in text
        assert "Somebody" not in text
    disposition = 'attachment; filename="transcript_2024_7__.pdf"'
    assert answer.headers["content-disposition"] == disposition
    assert answer.headers["cache-control"] == "no-store"


def test_freezing_a_result_does_not_take_it_off_the_transcript(
    make: Make, examcell: httpx.Client, student: Student
) -> None:
    exam = make.exam(course_id=make.course(code="FRZ-1").id)
    result = make.result(student, "PUBLISHED", exam_id=exam.id)
    before = pdf_text(examcell.get(f"/api/transcripts/{student.id}/"))
    result.status = "FROZEN"
    make.session.commit()
    assert pdf_text(examcell.get(f"/api/transcripts/{student.id}/")) == before
    assert "FRZ-1" in before


def test_a_transcript_without_results_and_with_a_hostile_name_is_drawn_all_the_same(
    make: Make, examcell: httpx.Client
) -> None:
    name = '#panic() $x$ *b* \\ "q" <script> @ref [c] Ñandú Σ'
    student = make.student(name=name, reg_no='..\\../%00";x')
    answer = examcell.get(f"/api/transcripts/{student.id}/")
    assert '#panic() $x$ *b* \\ "q" <script> @ref [c]' in pdf_text(answer)
    name = "transcript_.._.._%00__x.pdf".replace("%", "_")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_letters_that_no_font_has_are_a_409_that_names_them(
    make: Make, examcell: httpx.Client
) -> None:
    student = make.student(name="امینہ \N{BONE}")
    answer = examcell.get(f"/api/transcripts/{student.id}/")
    detail = problem_of(answer, 409, "TRANSCRIPT_NOT_PRINTABLE")["detail"]
    assert "cannot be printed" in detail


def test_a_grading_scheme_with_a_gap_is_a_409_that_says_which(
    make: Make, examcell: httpx.Client, student: Student
) -> None:
    make.result(student, total_obtained=Decimal(12))
    make.session.execute(delete(GradingBand).where(GradingBand.min_percent < 60))
    make.session.commit()
    answer = examcell.get(f"/api/transcripts/{student.id}/")
    detail = problem_of(answer, 409, "TRANSCRIPT_NOT_PRINTABLE")["detail"]
    assert detail == "no band of the grading scheme covers 12.00 %"


def test_the_date_is_the_institution_s(api: Api, examcell: httpx.Client, student: Student) -> None:
    text = pdf_text(examcell.get(f"/api/transcripts/{student.id}/"))
    today = datetime.now(ZoneInfo("UTC")).date()
    shown = {today.isoformat(), f"{today.day} {today:%B %Y}", f"{today:%d %B %Y}"}
    assert any(form in text for form in shown), text


def test_who_may_not_see_it_gets_no_pdf(api: Api, make: Make, student: Student) -> None:
    url = f"/api/transcripts/{student.id}/"
    problem_of(api.client().get(url), 401, "AUTH_REQUIRED")
    problem_of(api.as_("Faculty").get(url), 403, "PERMISSION_DENIED")
    problem_of(api.as_("Student").get(url), 404, "NOT_FOUND")
    problem_of(api.as_("ExamCell").get(f"/api/transcripts/{2**52}/"), 404, "NOT_FOUND")


def test_somebody_else_s_request_does_not_exist_for_a_student(
    api: Api, make: Make, examcell: httpx.Client, student: Student
) -> None:
    other = make.student(email="other@example.edu")
    here = examcell.post(ENQUEUE, json={"student_id": other.id}).headers["location"]
    client = own_client(api, student)
    problem_of(client.get(here), 404, "NOT_FOUND")
    problem_of(client.get(f"/api/transcripts/requests/{uuid.uuid4()}/"), 404, "NOT_FOUND")
    problem_of(client.get("/api/transcripts/requests/not-a-uuid/"), 400, "VALIDATION_ERROR")
