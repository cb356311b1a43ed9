"""``Idempotency-Key``: a POST repeated after a lost answer happens once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from sqlalchemy import func, select

from sims_core.models import Department, IdempotencyKey, Outbox, TranscriptRequest

URL = "/api/academics/departments/"


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


def post(client: httpx.Client, name: str, key: str, url: str = URL) -> httpx.Response:
    return client.post(url, json={"name": name, "code": name}, headers={"Idempotency-Key": key})


def count(api: Api, name: str) -> int:
    statement = select(func.count()).select_from(Department).where(Department.name == name)
    found = api.make.session.scalar(statement)
    api.make.session.rollback()
    return int(found or 0)


def test_the_same_key_and_body_get_the_first_answer_again(api: Api) -> None:
    client = api.as_("Registrar")
    first = post(client, "Anatomy", "key-anatomy")
    again = [post(client, "Anatomy", "key-anatomy") for _ in range(2)]
    for answer in again:
        assert (answer.status_code, answer.json()) == (201, first.json())
        for name in ("location", "etag", "content-type"):
            assert answer.headers[name] == first.headers[name]
        assert answer.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert count(api, "Anatomy") == 1


def test_the_first_answer_is_kept_whatever_became_of_the_row(api: Api) -> None:
    client = api.as_("Registrar")
    first = post(client, "Short-lived", "key-short-lived")
    assert client.delete(first.headers["location"]).status_code == 204
    assert post(client, "Short-lived", "key-short-lived").json() == first.json()
    assert count(api, "Short-lived") == 0


def test_another_body_or_path_under_the_key_is_a_422(api: Api) -> None:
    client = api.as_("Registrar")
    post(client, "Physiology", "key-physiology")
    answer = post(client, "Pathology", "key-physiology")
    problem_of(answer, 422, "IDEMPOTENCY_KEY_REUSED")
    answer = client.post(
        "/api/academics/programs/",
        json={"name": "Physiology", "code": "Physiology"},
        headers={"Idempotency-Key": "key-physiology"},
    )
    assert answer.status_code in (400, 422)
    assert count(api, "Pathology") == 0


def test_a_key_is_its_user_s_own(api: Api) -> None:
    first = post(api.as_("Registrar"), "Surgery", "a-common-key")
    other = post(api.as_("Registrar"), "Medicine", "a-common-key")
    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json()["id"] != other.json()["id"]


def test_a_refused_request_leaves_its_key_free(api: Api) -> None:
    client = api.as_("Registrar")
    post(client, "Taken", "key-of-taken")
    problem_of(post(client, "Taken", "key-corrected"), 409, "DUPLICATE")
    assert post(client, "Corrected", "key-corrected").status_code == 201


def test_a_replay_still_needs_the_permission(api: Api) -> None:
    user = api.make.user("Registrar")
    client = api.sign_in(user)
    post(client, "Radiology", "key-radiology")
    api.make.remove_roles(user)
    problem_of(post(client, "Radiology", "key-radiology"), 403, "PERMISSION_DENIED")


def test_many_at_once_with_one_key_make_one_row_and_get_one_answer(api: Api) -> None:
    client = api.as_("Registrar")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(client, "Once", "key-for-once"), range(8)))
    assert {a.status_code for a in answers} == {201}
    assert all(a.json() == answers[0].json() for a in answers)
    assert sum("idempotent-replayed" not in a.headers for a in answers) == 1
    assert count(api, "Once") == 1


@pytest.mark.parametrize("key", ["", "short", "x" * 129, "with blank", "tab\tkey", "ünicode-key"])
def test_a_key_of_another_form_is_refused_by_name(api: Api, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode(), b"Authorization": _bearer(api)}
    answer = httpx.post(f"{api.url}{URL}", json={"name": "n", "code": "c"}, headers=headers)
    problem = problem_of(answer, 400, "VALIDATION_ERROR")
    assert [e["pointer"] for e in problem["errors"]] == ["Idempotency-Key"]


def _bearer(api: Api) -> bytes:
    return f"Bearer {api.token(api.make.user('Registrar'))}".encode()


def test_a_repeated_request_for_a_transcript_makes_one_job(api: Api) -> None:
    client = api.as_("ExamCell")
    student = api.make.student(email="a@example.edu")
    body = {"student_id": student.id}
    headers = {"Idempotency-Key": "one-transcript"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda _: client.post("/api/transcripts/enqueue/", json=body, headers=headers),
                range(4),
            )
        )
    assert {a.status_code for a in answers} == {202}
    assert len({a.headers["location"] for a in answers}) == 1
    session = api.make.session
    requests = select(func.count()).where(TranscriptRequest.student_id == student.id)
    assert session.scalar(requests) == 1
    assert session.scalar(select(func.count()).select_from(Outbox)) == 1
    stored = session.scalars(select(IdempotencyKey).where(IdempotencyKey.key == "one-transcript"))
    assert stored.one().status == 202
    session.rollback()
