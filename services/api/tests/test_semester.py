"""A semester at a college of 300 students, played through HTTP from set-up to frozen results.

GPA on the screen, in the API and on the transcript agree, a released mark changes only by two
people, and a student sees exactly what the student may. What each person does is in
``semester.py``.
"""

from __future__ import annotations

import io
from decimal import Decimal

import httpx
from pypdf import PdfReader
from services.api.tests.conftest import Api, problem_of
from services.api.tests.semester import CHANGES, Semester, get, gpa, points, post, practical, theory


def printed(client: httpx.Client, student: int) -> str:
    answer = client.get(f"/api/transcripts/{student}/")
    assert answer.status_code == 200, answer.text
    pages = PdfReader(io.BytesIO(answer.content)).pages
    return "\n".join(page.extract_text() for page in pages)


def record_and_transcript_agree(semester: Semester) -> None:
    """GPA: what the oracle says, what the screen shows, what the transcript prints."""
    for n in (0, 1, 4, 150, 299):
        student = semester.students[n]
        total = theory(n) + practical(n)
        anatomy, physiology = points(total), points(total) if n != 4 else Decimal(0)
        expected = gpa((anatomy, 4), (physiology, 3))
        record = get(semester.registrar, f"/api/results/students/{student['id']}/")
        assert record["cgpa"] == record["periods"][0]["gpa"] == expected
        assert expected in printed(semester.registrar, student["id"])


def test_a_semester(api: Api) -> None:
    semester = Semester(api)
    semester.set_up()
    semester.import_students()
    semester.enrol()
    semester.take_attendance()
    semester.set_exams()
    semester.enter_marks()
    me = api.sign_in(semester.users[0])

    semester.move("verify")
    assert get(me, "/api/results/")["count"] == 0
    assert get(me, "/api/results/me/")["cgpa"] is None
    semester.move("publish")

    record_and_transcript_agree(semester)
    failed = semester.result("PHY-101", 4)
    assert (failed["final_outcome"], failed["is_complete"]) == ("FAIL", True)

    # One mark is corrected by two people, and the record follows.
    semester.correct_one(0, "ANA-101", 70)
    expected = gpa((points(70 + practical(0)), 4), (points(theory(0) + practical(0)), 3))
    assert get(me, "/api/results/me/")["cgpa"] == expected
    own = semester.students[0]["id"]
    assert expected in printed(me, own)

    semester.move("freeze")
    assert get(me, "/api/results/me/")["cgpa"] == expected, "freezing takes nothing away"
    assert expected in printed(me, own)
    post(
        semester.registrar, f"/api/academics/academic-periods/{semester.term['id']}/close/", {}, 200
    )

    a_student_sees_the_own_record_alone(semester, me)


def a_student_sees_the_own_record_alone(semester: Semester, me: httpx.Client) -> None:
    own, other = semester.students[0]["id"], semester.students[1]["id"]
    for path, count in (
        ("/api/students/", 1),
        ("/api/results/", 2),
        ("/api/result-components/", 4),
        ("/api/academics/enrollments/", 2),
        ("/api/attendance/", 4),
        ("/api/finance/holds/", 0),
        ("/api/requests/", 0),
    ):
        page = get(me, path)
        assert page["count"] == count, path
        assert {row.get("student", own) for row in page["results"]} <= {own}
    theirs = semester.result("ANA-101", 1)["id"]
    for path in (
        f"/api/students/{other}/",
        f"/api/results/{theirs}/",
        f"/api/results/students/{other}/",
        f"/api/transcripts/{other}/",
    ):
        problem_of(me.get(path), 404, "NOT_FOUND")
    exam = semester.exams["ANA-101"]["id"]
    for path in (f"/api/exams/{exam}/grid/", CHANGES, "/api/exams/"):
        problem_of(me.get(path), 403, "PERMISSION_DENIED")
    change = {"result": theirs, "reason": "x", "marks": [{"component": 1, "marks_obtained": 1}]}
    problem_of(me.post(CHANGES, json=change), 403, "PERMISSION_DENIED")
