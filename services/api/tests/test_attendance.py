"""Attendance: entered once, changed with a reason, on time or by right, seen by whom it is of."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.factories import Make
from sqlalchemy import update

from sims_common.clock import now
from sims_core.models import ClassSession, InstitutionSetting, Section, Student, User

BASE = "/api/attendance"
ZONE = next(
    zone
    for zone in ("UTC", "Asia/Karachi", "Pacific/Auckland", "America/New_York", "Asia/Tokyo")
    if 2 <= datetime.now(ZoneInfo(zone)).hour < 21
)
"""Where no midnight comes while the tests run."""


@dataclass
class Class:
    """A section with its teacher, three students of whom the first has a login, and today."""

    api: Api
    teacher: User
    section: Section
    login: User
    students: list[Student]
    today: ClassSession

    @property
    def client(self) -> httpx.Client:
        return self.api.sign_in(self.teacher)

    def url(self, action: str, held: ClassSession | None = None) -> str:
        return f"{BASE}/sessions/{(held or self.today).id}/{action}/"

    def marks(self, *codes: str) -> list[dict[str, Any]]:
        return [
            {"student_id": student.id, "status": code}
            for student, code in zip(self.students, codes, strict=False)
        ]


@pytest.fixture
def a_class(start_api: Callable[..., Api], make: Make) -> Class:
    api = start_api(time_zone=ZONE)
    make.session.execute(update(InstitutionSetting).values(attendance_lock_days=3))
    teacher, login = make.user("Faculty", username="teacher"), make.user("Student")
    section = make.section(teacher)
    students = [make.student(user_id=login.id), make.student(), make.student()]
    for student in students:
        make.enrollment(section, student)
    return Class(api, teacher, section, login, students, make.class_session(section))


def test_a_roster_is_entered_in_one_call(a_class: Class) -> None:
    client = a_class.client
    seen = client.get(a_class.url("roster"))
    assert seen.json()["entry"] == "FREE"
    assert [r["status"] for r in seen.json()["students"]] == [None] * 3
    body = {"attendance": a_class.marks("ABSENT", "LATE"), "default_status": "PRESENT"}
    answer = client.post(a_class.url("mark"), json=body | {"date": seen.json()["date"]})
    assert answer.json() == {
        "session": a_class.today.id,
        "created": 3,
        "updated": 0,
        "total": 3,
        "roster_version": 1,
    }
    now_seen = client.get(a_class.url("roster"))
    assert now_seen.headers["etag"] == answer.headers["etag"] == '"1"'
    assert [r["status"] for r in now_seen.json()["students"]] == ["ABSENT", "LATE", "PRESENT"]


def test_what_is_entered_changes_with_a_reason_and_the_current_etag(a_class: Class) -> None:
    client, url = a_class.client, a_class.url("mark")
    client.post(url, json={"attendance": a_class.marks("ABSENT")})
    change: dict[str, Any] = {"attendance": a_class.marks("LEAVE")}
    problem_of(client.post(url, json=change), 428, "IF_MATCH_REQUIRED")
    stale = client.post(url, json=change, headers={"If-Match": '"0"'})
    problem_of(stale, 412, "VERSION_MISMATCH")
    current = {"If-Match": '"1"'}
    problem_of(client.post(url, json=change, headers=current), 400, "REASON_REQUIRED")
    answer = client.post(url, json=change | {"reason": "came with a note"}, headers=current)
    assert (answer.json()["updated"], answer.headers["etag"]) == (1, '"2"')
    (row,) = client.get(f"{BASE}/", params={"session": a_class.today.id}).json()["results"]
    history = client.get(f"{BASE}/{row['id']}/history/").json()
    assert [(h["from_status"], h["to_status"], h["reason"], h["by"]) for h in history] == [
        ("ABSENT", "LEAVE", "came with a note", "teacher")
    ]


def test_of_two_who_change_the_same_roster_one_is_told(a_class: Class) -> None:
    a_class.client.post(a_class.url("mark"), json={"attendance": a_class.marks("ABSENT")})
    clients = [a_class.client, a_class.api.as_("Registrar")]
    body = {"attendance": a_class.marks("LATE"), "reason": "seen at the door"}

    def change(client: httpx.Client) -> int:
        headers = {"If-Match": '"1"'}
        return client.post(a_class.url("mark"), json=body, headers=headers).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(change, clients)) == [200, 412]


def test_wrong_entries_are_named_and_nothing_is_written(a_class: Class, make: Make) -> None:
    stranger = make.student()
    marks = [
        *a_class.marks("PRESENT", "PRESENT"),
        {"student_id": stranger.id, "status": "PRESENT"},
        *a_class.marks("ABSENT"),
    ]
    answer = a_class.client.post(a_class.url("mark"), json={"attendance": marks})
    errors = problem_of(answer, 400, "VALIDATION_ERROR")["errors"]
    assert [(e["pointer"], e["code"]) for e in errors] == [
        ("/attendance/2/student_id", "NOT_IN_SECTION"),
        ("/attendance/3/student_id", "DUPLICATE"),
    ]
    for code in ("present", "SICK", "", None):
        body = {"attendance": [{"student_id": a_class.students[0].id, "status": code}]}
        problem_of(a_class.client.post(a_class.url("mark"), json=body), 400, "VALIDATION_ERROR")
    assert a_class.client.get(f"{BASE}/").json()["count"] == 0


def test_past_days_take_a_reason_and_locked_ones_the_registrar(a_class: Class, make: Make) -> None:
    client, registrar = a_class.client, a_class.api.as_("Registrar")
    body: dict[str, Any] = {"attendance": a_class.marks("PRESENT")}
    headers = {"If-Match": '"0"'}
    for days, entry in ((1, "NEEDS_REASON"), (3, "NEEDS_REASON"), (4, "LOCKED")):
        held = make.class_session(a_class.section, starts_at=now() - timedelta(days=days))
        assert client.get(a_class.url("roster", held)).json()["entry"] == entry
        mark, correct = a_class.url("mark", held), a_class.url("correct", held)
        code = "REASON_REQUIRED" if entry == "NEEDS_REASON" else "ATTENDANCE_LOCKED"
        problem_of(client.post(mark, json=body), 409, code)
        problem_of(client.post(correct, json=body, headers=headers), 400, "VALIDATION_ERROR")
        late = body | {"reason": "was ill"}
        problem_of(client.post(correct, json=late), 428, "IF_MATCH_REQUIRED")
        answer = client.post(correct, json=late, headers=headers)
        if entry == "LOCKED":
            problem_of(answer, 409, "ATTENDANCE_LOCKED")
            answer = registrar.post(correct, json=late, headers=headers)
        assert answer.status_code == 200, answer.text
        (row,) = registrar.get(f"{BASE}/", params={"session": held.id}).json()["results"]
        (line,) = registrar.get(f"{BASE}/{row['id']}/history/").json()
        assert (line["from_status"], line["reason"]) == (None, "was ill")
    later = make.class_session(a_class.section, starts_at=now() + timedelta(days=1))
    problem_of(client.post(a_class.url("mark", later), json=body), 409, "SESSION_NOT_YET")
    other_day = client.post(a_class.url("mark"), json=body | {"date": "2020-01-01"})
    assert problem_of(other_day, 400, "VALIDATION_ERROR")["errors"][0]["code"] == "DATE_MISMATCH"


def test_a_cancelled_session_and_a_closed_period_take_none(a_class: Class, make: Make) -> None:
    body = {"attendance": a_class.marks("PRESENT")}
    gone = make.class_session(
        a_class.section, starts_at=now() - timedelta(minutes=5), status="CANCELLED"
    )
    url = a_class.url("mark", gone)
    problem_of(a_class.client.post(url, json=body), 409, "SESSION_CANCELLED")
    period = f"/api/academics/academic-periods/{a_class.section.academic_period_id}/close/"
    a_class.api.as_("Registrar").post(period)
    problem_of(a_class.client.post(a_class.url("mark"), json=body), 409, "TERM_CLOSED")


def test_each_reaches_the_own_attendance(a_class: Class, make: Make) -> None:
    rival = make.user("Faculty")
    other = make.section(rival)
    make.enrollment(other, a_class.students[1])
    elsewhere = make.class_session(other)
    mine = make.attendance(a_class.today, a_class.students[0], "PRESENT")
    theirs = make.attendance(a_class.today, a_class.students[1], "ABSENT")
    foreign = make.attendance(elsewhere, a_class.students[1], "LATE")
    every = {mine.id, theirs.id, foreign.id}
    student = a_class.api.sign_in(a_class.login)
    for client, ids in (
        (a_class.client, {mine.id, theirs.id}),
        (a_class.api.sign_in(rival), {foreign.id}),
        (student, {mine.id}),
        (a_class.api.as_("ExamCell"), every),
    ):
        rows = client.get(f"{BASE}/").json()["results"]
        assert {row["id"] for row in rows} == ids
        for id_ in every:
            status = 200 if id_ in ids else 404
            for path in (f"{BASE}/{id_}/", f"{BASE}/{id_}/history/"):
                assert client.get(path).status_code == status
    problem_of(a_class.client.get(a_class.url("roster", elsewhere)), 404, "NOT_FOUND")
    body = {"attendance": a_class.marks("PRESENT")}
    answer = a_class.client.post(a_class.url("mark", elsewhere), json=body)
    problem_of(answer, 404, "NOT_FOUND")
    for path in (a_class.url("roster"), a_class.url("mark")):
        method = "GET" if path.endswith("roster/") else "POST"
        answer = student.request(method, path, json=None if method == "GET" else body)
        problem_of(answer, 403, "PERMISSION_DENIED")
    make.session.execute(update(InstitutionSetting).values(student_portal_attendance=False))
    make.session.commit()
    assert student.get(f"{BASE}/").json()["count"] == 0


def test_eligibility_is_of_the_section_by_the_programs_threshold(
    a_class: Class, make: Make
) -> None:
    student, section = a_class.students[0], a_class.section
    for n, code in enumerate(["PRESENT", "LATE", "LATE", "ABSENT"]):
        held = make.class_session(section, starts_at=now() - timedelta(hours=3 * n + 3))
        make.attendance(held, student, code)
    other = make.section()
    make.attendance(make.class_session(other), student, "ABSENT")  # is of no account here
    query = {"student_id": student.id, "section_id": section.id}
    own = a_class.api.sign_in(a_class.login)
    for client in (own, a_class.client, a_class.api.as_("Registrar")):
        found = client.get(f"{BASE}/eligibility/", params=query).json()
        assert (found["eligible"], found["attendance_percentage"]) == (True, "75.00")
        found = client.get(f"{BASE}/percentage/", params=query).json()
        assert found == {"percentage": "75.00"}
    stricter = own.get(f"{BASE}/eligibility/", params=query | {"threshold": "75.01"}).json()
    assert (stricter["eligible"], stricter["threshold"]) == (False, "75.01")
    registrar = a_class.api.as_("Registrar")
    program = f"/api/academics/programs/{student.program_id}/"
    registrar.patch(program, json={"attendance_threshold": 80})
    assert own.get(f"{BASE}/eligibility/", params=query).json()["eligible"] is False
    exempt = {"section": section.id, "student": student.id, "reason": "Medical board"}
    assert registrar.post(f"{BASE}/exemptions/", json=exempt).status_code == 201
    found = own.get(f"{BASE}/eligibility/", params=query).json()
    assert (found["eligible"], found["exemption_reason"]) == (True, "Medical board")


def test_a_section_is_judged_whole_for_whom_it_is_of(a_class: Class, make: Make) -> None:
    section, other = a_class.section, make.section()
    own = a_class.api.sign_in(a_class.login)
    for code, student in zip(("PRESENT", "LATE", "LEAVE"), a_class.students, strict=True):
        make.attendance(a_class.today, student, code)
    rows = a_class.client.get(f"{BASE}/section-eligibility/", params={"section_id": section.id})
    assert [(r["student_id"], r["eligible"], r["recorded"]) for r in rows.json()] == [
        (a_class.students[0].id, True, 1),
        (a_class.students[1].id, True, 1),
        (a_class.students[2].id, False, 1),
    ]
    summary = a_class.client.get(f"{BASE}/section-summary/", params={"section_id": section.id})
    assert summary.json() == {
        "section_id": section.id,
        "total_records": 3,
        "present_count": 1,
        "absent_count": 0,
        "late_count": 1,
        "leave_count": 1,
        "overall_percentage": "66.67",
    }
    hidden = {"student_id": a_class.students[1].id, "section_id": section.id}
    problem_of(own.get(f"{BASE}/eligibility/", params=hidden), 404, "NOT_FOUND")
    for path in ("section-summary", "section-eligibility"):
        answer = own.get(f"{BASE}/{path}/", params={"section_id": section.id})
        problem_of(answer, 404, "NOT_FOUND")
        answer = a_class.client.get(f"{BASE}/{path}/", params={"section_id": other.id})
        problem_of(answer, 404, "NOT_FOUND")


def test_a_file_is_previewed_then_entered_like_a_roster(a_class: Class) -> None:
    numbers = [student.reg_no for student in a_class.students]
    lines = [f"{numbers[0]},late", f"{numbers[1]},LEAVE", "X-1,PRESENT", f"{numbers[2]},maybe"]
    content = "\n".join(["reg_no,status", *lines]).encode()
    client, url = a_class.client, f"{BASE}/import"
    data = {"session_id": str(a_class.today.id)}
    shown = client.post(f"{url}/preview/", files={"file": content}, data=data)
    assert shown.json()["summary"] == {"CREATE": 2, "UPDATE": 0, "SKIP": 2}, shown.text
    assert client.get(f"{BASE}/").json()["count"] == 0
    job = {"import_job_id": shown.json()["import_job_id"], "confirm": True}
    assert client.post(f"{url}/commit/", json=job).json()["created"] == 2
    rows = client.get(f"{BASE}/", params={"ordering": "id"}).json()["results"]
    assert [row["status"] for row in rows] == ["LATE", "LEAVE"]
    changed = f"reg_no,status\n{numbers[0]},ABSENT\n".encode()
    refused = client.post(f"{url}/preview/", files={"file": changed}, data=data).json()
    assert "send a reason" in refused["preview_rows"][0]["errors"][0]["message"]
    again = data | {"reason": "typing error"}
    shown = client.post(f"{url}/preview/", files={"file": changed}, data=again)
    headers = {"If-Match": '"1"'}
    body = {"attendance": a_class.marks("PRESENT"), "reason": "meanwhile"}
    client.post(a_class.url("mark"), json=body, headers=headers)
    job = {"import_job_id": shown.json()["import_job_id"], "confirm": True}
    problem_of(client.post(f"{url}/commit/", json=job), 409, "VERSION_MISMATCH")
    rival = a_class.api.as_("Faculty")
    answer = rival.post(f"{url}/preview/", files={"file": content}, data=data)
    problem_of(answer, 404, "NOT_FOUND")


def test_who_is_on_approved_leave_is_shown_so(a_class: Class) -> None:
    day = a_class.client.get(a_class.url("roster")).json()["date"]
    registrar = a_class.api.as_("Registrar")
    leave = {
        "student": a_class.students[1].id,
        "type": "medical",
        "start_date": day,
        "end_date": day,
        "reason": "Surgery",
    }
    here = a_class.api.as_("Coordinator").post("/api/leave-periods/", json=leave)
    registrar.post(f"{here.headers['location']}decide/", json={"status": "approved"})
    rows = a_class.client.get(a_class.url("roster")).json()["students"]
    assert [row["default_status"] for row in rows] == ["PRESENT", "LEAVE", "PRESENT"]
