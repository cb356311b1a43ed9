"""Draft → verified → published → frozen: nothing skipped, nothing of a draft seen."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.exam_hall import Hall, hall
from sqlalchemy import select

from sims_core.models import Result

STEPS = ("verify", "return", "publish", "freeze")
BEFORE = {"verify": "DRAFT", "return": "VERIFIED", "publish": "VERIFIED", "freeze": "PUBLISHED"}
AFTER = {"verify": "VERIFIED", "return": "DRAFT", "publish": "PUBLISHED", "freeze": "FROZEN"}
CODES = {
    "verify": "NOT_VERIFIABLE",
    "return": "NOT_RETURNABLE",
    "publish": "NOT_PUBLISHABLE",
    "freeze": "NOT_FREEZABLE",
}


@pytest.fixture
def one(shared_api: Api) -> Hall:
    return hall(shared_api)


@pytest.fixture
def cell(one: Hall) -> httpx.Client:
    return one.api.as_("ExamCell")


def at(one: Hall, cell: httpx.Client, status: str) -> int:
    """The id of a result of the exam that is in ``status``."""
    one.fill(cell, theory=40, practical=20)
    way = {"DRAFT": (), "VERIFIED": STEPS[:1], "PUBLISHED": ("verify", "publish")}
    steps = way.get(status, ("verify", "publish", "freeze"))
    if steps:
        one.move(cell, *steps)
    found: int = one.result_of(cell, one.students[0])["id"]
    return found


@pytest.mark.parametrize("status", ["DRAFT", "VERIFIED", "PUBLISHED", "FROZEN"])
@pytest.mark.parametrize("step", STEPS)
def test_each_step_takes_one_status_and_no_other(
    one: Hall, cell: httpx.Client, status: str, step: str
) -> None:
    id_ = at(one, cell, status)
    answer = cell.post(f"/api/results/{id_}/{step}/")
    if BEFORE[step] == status:
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == AFTER[step]
        assert cell.get(f"/api/results/{id_}/").json() == answer.json()
    else:
        problem_of(answer, 409, CODES[step])
        assert cell.get(f"/api/results/{id_}/").json()["status"] == status


def test_an_exam_moves_whole_and_names_who_stays(one: Hall, cell: httpx.Client) -> None:
    one.fill(cell, theory=40, practical=20)
    open_, held = one.students[:2]
    row = one.grid(cell)[open_.id]
    cell.patch(
        one.row_path(open_),
        json={"marks": [{"component": one.theory.id}]},
        headers={"If-Match": row["etag"]},
    )
    result = one.result_of(cell, held)["id"]
    reason = {"reason": "Unfair means case"}
    assert cell.post(f"/api/results/{result}/withhold/", json=reason).status_code == 200

    moved = one.move(cell, "verify")
    assert (moved["moved"], moved["counts"]["VERIFIED"]) == (5, 5)
    assert [(e["reg_no"], e["reason"]) for e in moved["left"]] == [(open_.reg_no, "INCOMPLETE")]

    moved = one.move(cell, "publish")
    assert [(e["reg_no"], e["reason"]) for e in moved["left"]] == [(held.reg_no, "WITHHELD")]
    assert moved["counts"] == {"DRAFT": 1, "VERIFIED": 1, "PUBLISHED": 4, "FROZEN": 0}
    problem_of(cell.post(f"/api/results/{result}/publish/"), 409, "WITHHELD")

    assert cell.post(f"/api/results/{result}/release/").json()["withheld_at"] is None
    problem_of(cell.post(f"/api/results/{result}/release/"), 409, "NOT_WITHHELD")
    assert cell.post(f"/api/results/{result}/publish/").json()["status"] == "PUBLISHED"
    answer = cell.post(f"/api/results/{result}/withhold/", json=reason)
    problem_of(answer, 409, "NOT_WITHHOLDABLE")
    assert one.move(cell, "freeze")["counts"]["FROZEN"] == 5


def test_who_moved_a_result_comes_from_the_session(one: Hall) -> None:
    users = {role: one.api.make.user(role) for role in ("ExamCell", "Registrar")}
    cell, registrar = (one.api.sign_in(users[role]) for role in ("ExamCell", "Registrar"))
    one.fill(cell, theory=40, practical=20)
    one.move(cell, "verify")
    assert (
        cell.post(f"/api/exams/{one.exam.id}/publish/", json={"published_by": 1}).status_code == 200
    )
    session = one.api.make.session
    rows = session.scalars(select(Result).where(Result.exam_id == one.exam.id)).all()
    assert {(r.verified_by_id, r.published_by_id) for r in rows} == {
        (users["ExamCell"].id, users["ExamCell"].id)
    }
    session.rollback()
    problem_of(registrar.post(f"/api/exams/{one.exam.id}/freeze/"), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("role", "steps"),
    [
        ("Faculty", set()),
        ("Student", set()),
        ("Registrar", {"publish"}),
        ("ExamCell", set(STEPS)),
        ("Coordinator", set()),
    ],
)
def test_roles_move_what_is_theirs(shared_api: Api, role: str, steps: set[str]) -> None:
    client = shared_api.as_(role)
    for step in STEPS:
        for path in (f"/api/results/{2**52}/{step}/", f"/api/exams/{2**52}/{step}/"):
            status = 404 if step in steps else 403
            assert client.post(path).status_code == status, (role, path)


@pytest.mark.parametrize("status", ["VERIFIED", "PUBLISHED", "FROZEN"])
def test_marks_stand_still_once_verified(one: Hall, cell: httpx.Client, status: str) -> None:
    at(one, cell, status)
    student = one.students[0]
    row = one.grid(cell)[student.id]
    answer = cell.patch(
        one.row_path(student),
        json={"marks": one.marks(theory=1)},
        headers={"If-Match": row["etag"]},
    )
    problem_of(answer, 409, "IMMUTABLE_RESULT")
    assert one.grid(cell)[student.id] == row


def test_nothing_reaches_a_student_before_publication_and_all_of_it_after(
    one: Hall, cell: httpx.Client
) -> None:
    student = one.students[0]
    user = one.api.make.user("Student")
    student.user_id = user.id
    one.api.make.session.commit()
    me = one.api.sign_in(user)

    def seen() -> tuple[int, int, int]:
        record = me.get("/api/results/me/").json()
        return (
            me.get("/api/results/").json()["count"],
            me.get("/api/result-components/").json()["count"],
            sum(len(p["courses"]) for p in record["periods"]),
        )

    one.fill(cell, theory=60, practical=30)
    assert seen() == (0, 0, 0)
    one.move(cell, "verify")
    assert seen() == (0, 0, 0)
    one.move(cell, "publish")
    assert seen() == (1, 2, 1)
    one.move(cell, "freeze")
    assert seen() == (1, 2, 1), "freezing takes nothing away"
    problem_of(me.get(one.path), 403, "PERMISSION_DENIED")
    other = one.result_of(cell, one.students[1])["id"]
    problem_of(me.get(f"/api/results/{other}/"), 404, "NOT_FOUND")


def test_a_teacher_sees_the_drafts_of_the_own_section_alone(one: Hall, cell: httpx.Client) -> None:
    one.fill(cell, theory=40, practical=20)
    teacher = one.api.sign_in(one.teacher)
    rows = teacher.get("/api/results/").json()["results"]
    assert {row["student"] for row in rows} == {s.id for s in one.students}
    other = one.result_of(cell, one.others[0])["id"]
    problem_of(teacher.get(f"/api/results/{other}/"), 404, "NOT_FOUND")


def test_a_hold_keeps_results_from_the_student_until_it_is_released(
    one: Hall, cell: httpx.Client
) -> None:
    student = one.students[0]
    user = one.api.make.user("Student")
    student.user_id = user.id
    one.api.make.session.commit()
    me, finance = one.api.sign_in(user), one.api.as_("Finance")
    body = {"student": student.id, "kind": "finance", "reason": "Fee of Fall 2026"}
    hold = finance.post("/api/finance/holds/", json=body)
    assert hold.status_code == 201, hold.text
    for path in ("/api/results/", "/api/results/me/", "/api/result-components/"):
        problem = problem_of(me.get(path), 403, "FINANCE_BLOCKED")
        assert problem["reasons"] == ["finance: Fee of Fall 2026"]
    assert cell.get("/api/results/").status_code == 200, "a hold is the student's, not the staff's"
    assert [h["reason"] for h in me.get("/api/finance/holds/").json()["results"]] == [
        "Fee of Fall 2026"
    ]
    release = f"{hold.headers['location']}release/"
    problem_of(me.post(release, json={"reason": "x"}), 403, "PERMISSION_DENIED")
    assert finance.post(release, json={"reason": "Paid"}).json()["release_reason"] == "Paid"
    problem_of(finance.post(release, json={"reason": "x"}), 409, "HOLD_RELEASED")
    assert me.get("/api/results/").status_code == 200
    library = body | {"kind": "library", "blocks_results": True}
    finance.post("/api/finance/holds/", json=library)
    problem_of(me.get("/api/results/"), 403, "HOLD_BLOCKED")


def test_publishing_and_saving_marks_at_once_lose_nothing(one: Hall) -> None:
    """Whatever the order: a published total is what its marks say, and no accepted mark is gone.

    Marks move from 40 to 50 while the exam is verified and published in one go.
    """
    cell = one.api.as_("ExamCell")
    one.fill(cell, theory=40, practical=20)
    rows = one.grid(cell)
    clients = [one.api.as_("ExamCell") for _ in range(6)]

    def save(n: int) -> tuple[int, int]:
        student = one.students[n]
        answer = clients[n].patch(
            one.row_path(student),
            json={"marks": one.marks(theory=50)},
            headers={"If-Match": rows[student.id]["etag"]},
        )
        return student.id, answer.status_code

    def move(n: int) -> int:
        for step in ("verify", "publish"):
            answer = clients[n].post(f"/api/exams/{one.exam.id}/{step}/")
            assert answer.status_code == 200, answer.text
        return n

    with ThreadPoolExecutor(6) as pool:
        moves = [pool.submit(move, n) for n in (3, 4)]
        saves = dict(f.result() for f in [pool.submit(save, n) for n in range(3)])
        assert [m.result() for m in moves] == [3, 4]
    now = one.grid(cell)
    assert set(saves.values()) <= {200, 409, 412}
    for id_, status in saves.items():
        assert now[id_]["total_obtained"] == ("70.00" if status == 200 else "60.00")
    for row in now.values():
        assert float(row["total_obtained"]) == sum(float(m["marks_obtained"]) for m in row["marks"])
    assert {row["status"] for row in now.values()} <= {"DRAFT", "VERIFIED", "PUBLISHED"}


def test_two_publishers_at_once_publish_each_result_once(one: Hall) -> None:
    clients = [one.api.as_("ExamCell") for _ in range(4)]
    one.fill(clients[0], theory=40, practical=20)
    one.move(clients[0], "verify")
    versions = {id_: row["etag"] for id_, row in one.grid(clients[0]).items()}
    with ThreadPoolExecutor(4) as pool:
        moved = list(pool.map(lambda client: one.move(client, "publish")["moved"], clients))
    assert Counter(moved) == {6: 1, 0: 3}
    after = {id_: row["etag"] for id_, row in one.grid(clients[0]).items()}
    assert all(int(after[i].strip('"')) == int(versions[i].strip('"')) + 1 for i in versions)


def test_a_stale_if_match_moves_nothing(one: Hall, cell: httpx.Client) -> None:
    id_ = at(one, cell, "DRAFT")
    headers = {"If-Match": '"1"'}
    problem_of(cell.post(f"/api/results/{id_}/verify/", headers=headers), 412, "VERSION_MISMATCH")
    headers = {"If-Match": cell.get(f"/api/results/{id_}/").headers["etag"]}
    assert cell.post(f"/api/results/{id_}/verify/", headers=headers).status_code == 200


def test_a_candidate_who_is_not_enrolled_is_registered_and_marked(
    one: Hall, cell: httpx.Client
) -> None:
    stranger = one.api.make.student()
    body = {"exam": one.exam.id, "student": stranger.id}
    answer = cell.post("/api/results/", json=body)
    assert (answer.status_code, answer.json()["status"]) == (201, "DRAFT")
    assert answer.json()["is_complete"] is False
    problem_of(cell.post("/api/results/", json=body), 409, "DUPLICATE")
    problem_of(cell.post("/api/results/", json=body | {"student": 2**52}), 400, "VALIDATION_ERROR")
    problem_of(cell.post("/api/results/", json=body | {"exam": 2**52}), 404, "NOT_FOUND")
    row = one.grid(cell)[stranger.id]
    saved = cell.patch(
        one.row_path(stranger),
        json={"marks": one.marks(theory=40, practical=20)},
        headers={"If-Match": row["etag"]},
    )
    assert saved.json()["total_obtained"] == "60.00"
    assert stranger.id not in one.grid(one.api.sign_in(one.teacher))
