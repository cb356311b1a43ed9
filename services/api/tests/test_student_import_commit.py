"""The commit of an import: once, whole, and never over a newer value."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.factories import Make, Place
from services.api.tests.import_desk import URL, Desk, lines, row


@pytest.fixture
def desk(api: Api, make: Make) -> Desk:
    make.place("MBBS", "2026", "A", year=2026)
    return Desk(api.as_("Registrar"), make)


def test_an_import_is_committed_once(desk: Desk) -> None:
    found = desk.preview(lines(row()))
    assert desk.commit(found).status_code == 200
    problem_of(desk.commit(found), 400, "IMPORT_NOT_PREVIEWED")
    assert len(desk.students()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"import_job_id": str(uuid.UUID(int=1))},
        {"import_job_id": str(uuid.UUID(int=1)), "confirm": False},
        {"import_job_id": str(uuid.UUID(int=1)), "confirm": "true"},
        {"import_job_id": "no-uuid", "confirm": True},
        {"import_job_id": str(uuid.UUID(int=1)), "confirm": True, "mode": "UPSERT"},
    ],
)
def test_a_commit_needs_the_job_and_a_confirmation(shared_api: Api, body: dict[str, Any]) -> None:
    answer = shared_api.as_("Registrar").post(f"{URL}/commit/", json=body)
    assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"]


def test_a_job_that_is_not_there_is_a_404(shared_api: Api) -> None:
    client = shared_api.as_("Registrar")
    body = {"import_job_id": str(uuid.uuid4()), "confirm": True}
    problem_of(client.post(f"{URL}/commit/", json=body), 404, "NOT_FOUND")
    problem_of(client.get(f"{URL}/{uuid.uuid4()}/detail/"), 404, "NOT_FOUND")
    problem_of(client.get(f"{URL}/not-a-uuid/errors.csv/"), 400, "VALIDATION_ERROR")


def test_a_number_taken_since_the_preview_is_skipped_not_overwritten(
    desk: Desk,
) -> None:
    for mode in ("CREATE_ONLY", "UPSERT"):
        found = desk.preview(lines(row(f"{mode}-1"), row(f"{mode}-2")), mode)
        desk.make.student(reg_no=f"{mode}-1", name="Somebody else")
        answer = desk.commit(found).json()
        assert (answer["created"], answer["skipped"]) == (1, 1)
        assert desk.students()[f"{mode}-1"].name == "Somebody else"


def test_a_student_changed_since_the_preview_is_skipped_not_overwritten(desk: Desk) -> None:
    student = desk.make.student(reg_no="7", name="Old")
    found = desk.preview(lines(row("7", name="From the file")), "UPSERT")
    changed = desk.client.patch(f"/api/students/{student.id}/", json={"name": "By hand"})
    assert changed.status_code == 200
    answer = desk.commit(found).json()
    assert (answer["updated"], answer["skipped"]) == (0, 1)
    assert desk.students()["7"].name == "By hand"


def test_a_place_removed_since_the_preview_stops_the_whole_commit(desk: Desk) -> None:
    place: Place = desk.make.place("BDS", "2026", "Z")
    found = desk.preview(lines(row("1"), row("2", rest="BDS,2026,Z,active")))
    desk.make.session.delete(place.group)
    desk.make.session.commit()
    problem_of(desk.commit(found), 400, "VALIDATION_ERROR")
    assert desk.students() == {}
    detail = desk.client.get(f"{URL}/{found['import_job_id']}/detail/").json()
    assert detail["status"] == "PREVIEWED"


def test_two_commits_of_one_job_at_once_happen_once(desk: Desk) -> None:
    found = desk.preview(lines(*(row(str(n)) for n in range(200))))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: desk.commit(found), range(4)))
    assert sorted(a.status_code for a in answers) == [200, 400, 400, 400]
    assert len(desk.students()) == 200


def test_two_files_with_the_same_students_in_another_order_do_not_wait_for_each_other(
    desk: Desk,
) -> None:
    numbers = [str(n) for n in range(1500)]  # more than one statement each
    jobs = [
        desk.preview(lines(*(row(n) for n in order)))
        for order in (numbers, numbers[::-1], numbers, numbers[::-1])
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(desk.commit, jobs))
    assert [a.status_code for a in answers] == [200] * 4, [a.text for a in answers]
    assert sum(a.json()["created"] for a in answers) == 1500
    assert len(desk.students()) == 1500
