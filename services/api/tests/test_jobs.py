"""Jobs and batches: chosen, cancelled, put back by people."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.factories import Make
from sqlalchemy import select, update

from sims_core.models import Enrollment, Hold, Outbox, Section, Student, TranscriptRequest

BATCHES = "/api/transcripts/batches/"


@pytest.fixture
def admin(api: Api) -> httpx.Client:
    return api.as_("Admin")


@pytest.fixture
def batch(make: Make, admin: httpx.Client) -> dict[str, Any]:
    """Four requests in one job."""
    program = make.program()
    ids = [make.student(program, email=f"s{n}@example.edu").id for n in range(4)]
    body: dict[str, Any] = admin.post(BATCHES, json={"student_ids": ids}).json()
    return body


def jobs(make: Make) -> list[Outbox]:
    make.session.rollback()
    make.session.expire_all()
    return list(make.session.scalars(select(Outbox).order_by(Outbox.created_at)))


def requests(make: Make) -> list[TranscriptRequest]:
    make.session.rollback()
    make.session.expire_all()
    return list(make.session.scalars(select(TranscriptRequest).order_by(TranscriptRequest.id)))


def set_states(make: Make, *states: str, job: str | None = None) -> None:
    for request, state in zip(requests(make), states, strict=True):
        request.state = state
    make.session.commit()
    if job is not None:
        make.session.execute(update(Outbox).values(state=job, attempts=5, crashes=3, error="X"))
        make.session.commit()


def test_a_whole_program_batch_group_or_section_is_asked_for_at_once(
    make: Make, admin: httpx.Client
) -> None:
    place = make.place()
    inside: dict[str, Any] = {
        "program_id": place.program.id, "batch_id": place.batch.id, "group_id": place.group.id,
    }  # fmt: skip
    members = [make.student(email=f"m{n}@example.edu", **inside) for n in range(3)]
    make.student(email="gone@example.edu", status="inactive", **inside)
    silent = make.student(**inside)
    held = make.student(email="held@example.edu", **inside)
    make.session.add(
        Hold(student_id=held.id, kind="finance", reason="fees", placed_by_id=make.user().id,
             blocks_transcripts=True)
    )  # fmt: skip
    make.student(email="elsewhere@example.edu")
    section = Section(
        course_id=make.course().id, academic_period_id=make.period().id, name="A", capacity=9
    )
    make.session.add(section)
    make.session.flush()
    make.session.add_all(
        Enrollment(section_id=section.id, student_id=s.id, status=status)
        for s, status in zip(members, ("enrolled", "enrolled", "dropped"), strict=True)
    )
    make.session.commit()

    for choice, expected in (
        ({"program": place.program.id}, 3),
        ({"batch": place.batch.id}, 3),
        ({"group": place.group.id}, 3),
        ({"section": section.id}, 2),
    ):
        answer = admin.post(BATCHES, json=choice)
        assert answer.status_code == 202, answer.text
        assert answer.json()["total"] == expected
        left_out = {(s["reg_no"], s["code"]) for s in answer.json()["left_out"]}
        wanted = {(silent.reg_no, "EMAIL_MISSING"), (held.reg_no, "HELD")}
        assert left_out == (wanted if expected == 3 else set())


def test_exactly_one_choice_of_what_exists(make: Make, admin: httpx.Client) -> None:
    for body in ({}, {"program": 1, "batch": 1}, {"student_ids": [1], "section": 1}):
        problem_of(admin.post(BATCHES, json=body), 400, "VALIDATION_ERROR")
    for name in ("program", "batch", "group", "section"):
        problem_of(admin.post(BATCHES, json={name: 2**52}), 404, "NOT_FOUND")
    empty = {"program": make.program().id}
    problem_of(admin.post(BATCHES, json=empty), 400, "NOBODY_SELECTED")
    problem = admin.post(BATCHES, json={"student_ids": [1], "purpose": "nonsense"})
    assert problem.status_code in (400, 404)


def test_a_batch_is_cancelled_as_far_as_it_has_not_been_begun(
    make: Make, admin: httpx.Client, batch: dict[str, Any]
) -> None:
    set_states(make, "sent", "sending", "recorded", "recorded", job="running")
    found = admin.post(f"{BATCHES}{batch['id']}/cancel/").json()

    assert found["states"] == {"sent": 1, "sending": 1, "cancelled": 2}
    assert [job.state for job in jobs(make)] == ["running"]  # somebody sends one of its mails
    problem_of(admin.post(f"{BATCHES}{uuid.uuid4()}/cancel/"), 404, "NOT_FOUND")


def test_a_job_with_nothing_left_to_do_is_cancelled_too(
    make: Make, admin: httpx.Client, batch: dict[str, Any]
) -> None:
    assert admin.post(f"{BATCHES}{batch['id']}/cancel/").json()["done"] == 4
    (job,) = jobs(make)
    assert job.state == "cancelled"
    assert job.finished_at is not None
    answer = admin.post(f"/api/jobs/{job.id}/requeue/")
    assert (answer.status_code, answer.json()["requests"]) == (200, 4)
    assert {r.state for r in requests(make)} == {"recorded"}
    assert admin.post(f"/api/jobs/{job.id}/cancel/").json() == {"cancelled": 4, "too_late": 0}


def test_a_dead_letter_is_put_back_with_what_was_not_sent(
    make: Make, admin: httpx.Client, batch: dict[str, Any]
) -> None:
    set_states(make, "sent", "failed", "refused", "unknown", job="failed")
    (job,) = jobs(make)
    listed = admin.get("/api/jobs/", params={"state": "failed"}).json()["results"]
    assert [(j["id"], j["error"], j["crashes"]) for j in listed] == [(str(job.id), "X", 3)]

    answer = admin.post(f"/api/jobs/{job.id}/requeue/").json()

    assert (answer["requests"], answer["state"], answer["attempts"]) == (3, "pending", 0)
    assert [r.state for r in requests(make)] == ["sent", "recorded", "recorded", "recorded"]
    assert [r.possible_duplicate for r in requests(make)] == [False, False, False, True]
    problem_of(admin.post(f"/api/jobs/{job.id}/requeue/"), 409, "JOB_NOT_ENDED")


def test_a_job_whose_work_is_done_is_not_done_again(
    make: Make, admin: httpx.Client, batch: dict[str, Any]
) -> None:
    set_states(make, "sent", "sent", "sent", "sent", job="finished")
    (job,) = jobs(make)
    problem_of(admin.post(f"/api/jobs/{job.id}/requeue/"), 409, "NOTHING_TO_REQUEUE")
    problem_of(admin.post(f"/api/jobs/{job.id}/cancel/"), 409, "JOB_ENDED")
    for verb in ("requeue", "cancel"):
        problem_of(admin.post(f"/api/jobs/{uuid.uuid4()}/{verb}/"), 404, "NOT_FOUND")


def test_one_request_is_cancelled_and_put_back_by_itself(
    make: Make, admin: httpx.Client, batch: dict[str, Any]
) -> None:
    first = requests(make)[0]
    url = f"/api/transcripts/requests/{first.id}/"
    problem_of(admin.post(f"{url}requeue/"), 409, "REQUEST_NOT_UNSENT")
    assert admin.post(f"{url}cancel/").json()["state"] == "cancelled"
    problem_of(admin.post(f"{url}cancel/"), 409, "TOO_LATE_TO_CANCEL")

    again = admin.post(f"{url}requeue/")

    assert (again.status_code, again.json()["state"]) == (202, "recorded")
    assert again.json()["job_id"] != str(first.job_id)
    assert [job.state for job in jobs(make)] == ["pending", "pending"]


def test_a_student_cancels_the_own_request_only(api: Api, make: Make, admin: httpx.Client) -> None:
    user = make.user("Student")
    own: Student = make.student(email="own@example.edu", user_id=user.id)
    other = make.student(email="other@example.edu")
    urls = [
        admin.post("/api/transcripts/enqueue/", json={"student_id": s.id}).headers["location"]
        for s in (own, other)
    ]
    client = api.sign_in(user)
    assert client.post(f"{urls[0]}cancel/").json()["state"] == "cancelled"
    problem_of(client.post(f"{urls[1]}cancel/"), 404, "NOT_FOUND")
    problem_of(client.post(f"{urls[0]}requeue/"), 403, "PERMISSION_DENIED")
    problem_of(client.get("/api/jobs/"), 403, "PERMISSION_DENIED")
