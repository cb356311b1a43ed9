"""A released result changes by two people or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.exam_hall import Body, Hall, hall
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

PATH = "/api/results/change-requests/"
WHY = {"reason": "Script re-totalled"}


@pytest.fixture(params=["PUBLISHED", "FROZEN"])
def one(shared_api: Api, request: pytest.FixtureRequest) -> Hall:
    found = hall(shared_api)
    cell = shared_api.as_("ExamCell")
    found.fill(cell, theory=30, practical=19)
    found.move(cell, "verify", "publish", *(("freeze",) if request.param == "FROZEN" else ()))
    return found


@pytest.fixture
def asker(one: Hall) -> httpx.Client:
    return one.api.sign_in(one.teacher)


@pytest.fixture
def decider(one: Hall) -> httpx.Client:
    return one.api.as_("ExamCell")


def ask(one: Hall, client: httpx.Client, student: int = 0, **marks: Any) -> httpx.Response:
    result = one.result_of(one.api.as_("ExamCell"), one.students[student])
    body = WHY | {"result": result["id"], "marks": one.marks(**marks)}
    return client.post(PATH, json=body)


def asked(one: Hall, client: httpx.Client, **marks: Any) -> Body:
    answer = ask(one, client, **marks)
    assert answer.status_code == 201, answer.text
    found: Body = answer.json()
    return found


def test_a_second_person_s_approval_recomputes_and_keeps_old_and_new(
    one: Hall, asker: httpx.Client, decider: httpx.Client
) -> None:
    before = one.result_of(decider, one.students[0])
    change = asked(one, asker, theory=31)
    assert one.result_of(decider, one.students[0]) == before, "nothing changes by asking"
    assert (change["old_total"], change["new_total"]) == ("49.00", "50.00")
    assert (change["old_outcome"], change["new_outcome"]) == ("FAIL", "PASS")
    answer = decider.post(f"{PATH}{change['id']}/approve/", json={"reason": "Checked"})
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert (done["status"], done["resolution"]) == ("approved", "Checked")
    assert done["requested_by"] == one.teacher.id != done["resolved_by"]
    (item,) = done["items"]
    assert (item["component_name"], item["old_marks"], item["new_marks"]) == (
        "Theory",
        "30.00",
        "31.00",
    )
    after = one.result_of(decider, one.students[0])
    assert (after["total_obtained"], after["final_outcome"]) == ("50.00", "PASS")
    assert after["status"] == before["status"]
    assert after["revised_at"] is not None
    assert after["version"] > before["version"]
    record = decider.get(f"/api/results/students/{one.students[0].id}/").json()
    assert record["periods"][0]["courses"][0]["percent"] == "50.00"


def test_nobody_approves_the_own_request_not_even_a_superuser(one: Hall) -> None:
    for user in (one.api.make.user("ExamCell"), one.api.make.user(is_superuser=True)):
        client = one.api.sign_in(user)
        change = asked(one, client, theory=50)
        before = one.result_of(client, one.students[0])
        answer = client.post(f"{PATH}{change['id']}/approve/", json=WHY)
        problem_of(answer, 403, "SECOND_PERSON_REQUIRED")
        assert one.result_of(client, one.students[0]) == before
        # Nor by a name in the body; taking it back is the asker's right.
        answer = client.post(f"{PATH}{change['id']}/approve/", json=WHY | {"approved_by": 1})
        problem_of(answer, 400, "VALIDATION_ERROR")
        answer = client.post(f"{PATH}{change['id']}/reject/", json=WHY)
        assert answer.json()["status"] == "rejected"


def test_the_database_refuses_a_lone_approval_too(one: Hall, asker: httpx.Client) -> None:
    change = asked(one, asker, theory=50)
    session = one.api.make.session
    with pytest.raises(IntegrityError, match="two_people"):
        session.execute(
            text(
                "UPDATE result_change SET status = 'approved', resolved_by_id = requested_by_id"
                " WHERE id = :id"
            ),
            {"id": change["id"]},
        )
    session.rollback()


def test_a_rejection_leaves_the_result_and_is_final(
    one: Hall, asker: httpx.Client, decider: httpx.Client
) -> None:
    before = one.result_of(decider, one.students[0])
    change = asked(one, asker, theory=50)
    assert decider.post(f"{PATH}{change['id']}/reject/", json=WHY).status_code == 200
    for decision in ("approve", "reject"):
        answer = decider.post(f"{PATH}{change['id']}/{decision}/", json=WHY)
        problem_of(answer, 409, "CHANGE_RESOLVED")
    assert one.result_of(decider, one.students[0]) == before


def test_one_change_waits_at_a_time(one: Hall, asker: httpx.Client) -> None:
    asked(one, asker, theory=50)
    problem_of(ask(one, asker, theory=51), 409, "CHANGE_PENDING")


def test_what_cannot_be_asked_for(one: Hall, asker: httpx.Client) -> None:
    problem_of(ask(one, asker, theory=30), 400, "NO_CHANGE")
    problem_of(ask(one, asker, theory=71), 400, "VALIDATION_ERROR")
    result = one.result_of(one.api.as_("ExamCell"), one.students[0])["id"]
    empty = WHY | {"result": result, "marks": [{"component": one.theory.id}]}
    problem_of(asker.post(PATH, json=empty), 400, "INCOMPLETE")
    no_reason = {"result": result, "marks": one.marks(theory=1), "reason": " "}
    problem_of(asker.post(PATH, json=no_reason), 400, "VALIDATION_ERROR")
    other = one.api.sign_in(one.other_teacher)
    problem_of(ask(one, other, theory=50), 404, "NOT_FOUND")
    problem_of(ask(one, one.api.as_("Student"), theory=50), 403, "PERMISSION_DENIED")


def test_a_draft_is_changed_in_the_grid(shared_api: Api) -> None:
    found = hall(shared_api)
    cell = shared_api.as_("ExamCell")
    found.fill(cell, theory=30, practical=19)
    problem_of(ask(found, cell, theory=50), 409, "NOT_RELEASED")


def test_a_teacher_sees_the_changes_of_the_own_section_alone(
    one: Hall, asker: httpx.Client
) -> None:
    change = asked(one, asker, theory=50)
    other = one.api.sign_in(one.other_teacher)
    assert asker.get(f"{PATH}{change['id']}/marks/").json() == change
    for path in (f"{PATH}{change['id']}/", f"{PATH}{change['id']}/marks/"):
        problem_of(other.get(path), 404, "NOT_FOUND")
    assert other.get(PATH).json()["count"] == 0


def test_two_approvals_at_once_apply_once(one: Hall, asker: httpx.Client) -> None:
    change = asked(one, asker, theory=50)
    clients = [one.api.as_("ExamCell") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda c: c.post(f"{PATH}{change['id']}/approve/", json=WHY), clients)
        )
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]


def test_freezing_and_changing_at_once_lose_neither(shared_api: Api) -> None:
    """Must show 3: a publication step and a change of the same result in parallel."""
    for _ in range(3):
        one = hall(shared_api, candidates=2)
        asker, decider, mover = (shared_api.as_("ExamCell") for _ in range(3))
        one.fill(asker, theory=30, practical=19)
        one.move(asker, "verify", "publish")
        change = asked(one, asker, theory=50)
        with ThreadPoolExecutor(2) as pool:
            moved = pool.submit(one.move, mover, "freeze")
            answer = pool.submit(decider.post, f"{PATH}{change['id']}/approve/", json=WHY)
        assert moved.result()["counts"]["FROZEN"] == 4
        assert answer.result().status_code == 200, answer.result().text
        result = one.result_of(asker, one.students[0])
        assert (result["status"], result["total_obtained"]) == ("FROZEN", "69.00")
