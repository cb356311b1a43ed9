"""A college that plays a semester through HTTP: its people and what each of them does."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx
from services.api.tests.conftest import Api, problem_of

Body = dict[str, Any]
STUDENTS = 300
GROUPS = ("A", "B", "C")
COURSES = {"ANA-101": ("Anatomy", 4), "PHY-101": ("Physiology", 3)}
# The default scheme, written out: from percent, points.
SCALE = [(90, "4.0"), (85, "3.7"), (80, "3.3"), (75, "3.0"), (70, "2.3"), (65, "2.0"), (60, "1.0")]
CHANGES = "/api/results/change-requests/"


def post(client: httpx.Client, path: str, body: Body | None = None, status: int = 201) -> Body:
    answer = client.post(path, json=body)
    assert answer.status_code == status, f"{path}: {answer.text}"
    found: Body = answer.json()
    return found


def get(client: httpx.Client, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, f"{path}: {answer.text}"
    return answer.json()


def theory(n: int) -> int:
    return 40 + n % 31


def practical(n: int) -> int:
    return 16 + n % 15


def points(percent: int) -> Decimal:
    return next((Decimal(p) for low, p in SCALE if percent >= low), Decimal(0))


def gpa(*graded: tuple[Decimal, int]) -> str:
    """The oracle: Σ points × credits / Σ credits, halves up."""
    total = sum((value * weight for value, weight in graded), Decimal(0))
    mean = total / sum(weight for _, weight in graded)
    return str(mean.quantize(Decimal("0.01"), ROUND_HALF_UP))


class Semester:
    """The people and what they have set up so far."""

    def __init__(self, api: Api) -> None:
        make = api.make
        self.api = api
        self.registrar, self.cell, self.second = (
            api.as_(role) for role in ("Registrar", "ExamCell", "ExamCell")
        )
        self.teachers = {code: make.user("Faculty", full_name=code) for code in COURSES}
        self.users = [make.user("Student") for _ in range(2)]
        self.sections: dict[str, list[Body]] = {code: [] for code in COURSES}
        self.exams: dict[str, Body] = {}
        self.parts: dict[str, list[Body]] = {}
        self.students: list[Body] = []

    def teacher(self, code: str) -> httpx.Client:
        return self.api.sign_in(self.teachers[code])

    def set_up(self) -> None:
        """Program, intake, groups, a term around today, two courses in three sections each."""
        desk = self.registrar
        self.program = post(desk, "/api/academics/programs/", {"name": "MBBS"})
        batch = {"program": self.program["id"], "name": "2026", "start_year": 2026}
        batch = post(desk, "/api/academics/batches/", batch)
        self.groups = [
            post(desk, "/api/academics/groups/", {"batch": batch["id"], "name": name})
            for name in GROUPS
        ]
        today = datetime.now(UTC).date()
        term = {
            "name": "Fall 2026",
            "start_date": str(today - timedelta(days=60)),
            "end_date": str(today + timedelta(days=60)),
        }
        self.term = post(desk, "/api/academics/academic-periods/", term)
        department = post(desk, "/api/academics/departments/", {"name": "Basic", "code": "BAS"})
        for code, (name, credits_) in COURSES.items():
            course = {"code": code, "name": name, "credits": credits_}
            course = post(
                desk, "/api/academics/courses/", course | {"department": department["id"]}
            )
            for group in self.groups:
                section = {
                    "course": course["id"],
                    "academic_period": self.term["id"],
                    "group": group["id"],
                    "name": group["name"],
                    "capacity": 100,
                    "teachers": [self.teachers[code].id],
                }
                self.sections[code].append(post(desk, "/api/academics/sections/", section))

    def import_students(self) -> None:
        """300 in one go; the registrar corrects the rows that the preview names."""
        lines = [
            f"2026-{n:03},Student {n},MBBS,2026,{GROUPS[n % 3]},active,s{n}@example.edu"
            for n in range(STUDENTS)
        ]
        lines[7] = lines[7].replace("MBBS", "MBSS")
        url = "/api/admin/students/import"

        def preview() -> Body:
            header = "reg_no,name,program_name,batch_name,group_name,status,email"
            files = {"file": ("intake.csv", "\n".join([header, *lines]))}
            answer = self.registrar.post(f"{url}/preview/", files=files)
            assert answer.status_code == 200, answer.text
            found: Body = answer.json()
            return found

        first = preview()
        assert first["invalid_rows"] == 1
        wrong = next(row for row in first["preview_rows"] if row["errors"])
        assert (wrong["row_number"], wrong["errors"][0]["column"]) == (9, "program_name")
        lines[7] = lines[7].replace("MBSS", "MBBS")
        body = {"import_job_id": preview()["import_job_id"], "confirm": True}
        assert post(self.registrar, f"{url}/commit/", body, 200)["created"] == STUDENTS
        for page in (1, 2):
            rows = get(self.registrar, "/api/students/", page_size=200, page=page)["results"]
            self.students += rows
        assert len(self.students) == STUDENTS
        for user, student in zip(self.users, self.students, strict=False):
            path = f"/api/students/{student['id']}/"
            assert self.registrar.patch(path, json={"user": user.id}).status_code == 200

    def enrol(self) -> None:
        for sections in self.sections.values():
            for section, group in zip(sections, self.groups, strict=True):
                path = f"/api/academics/sections/{section['id']}/enroll/"
                found = post(self.registrar, path, {"group_id": group["id"]})
                assert (found["enrolled"], found["refused"]) == (100, 0)
        first = self.sections["ANA-101"][0]["id"]
        answer = self.registrar.post(
            f"/api/academics/sections/{first}/enroll/", json={"student_id": self.students[1]["id"]}
        )
        problem_of(answer, 409, "SECTION_FULL")

    def take_attendance(self) -> None:
        """Four sessions of the first section; its second student misses two of them."""
        section, teacher = self.sections["ANA-101"][0], self.teacher("ANA-101")
        absent = self.students[3]["id"]
        today = datetime.now(UTC).date()
        for n in range(4):
            start = datetime.combine(today, time(8 + n), UTC)
            session = {
                "section": section["id"],
                "starts_at": start.isoformat(),
                "ends_at": (start + timedelta(minutes=50)).isoformat(),
            }
            session = post(self.registrar, "/api/timetable/sessions/", session)
            missed = [{"student_id": absent, "status": "ABSENT"}] if n < 2 else []
            marked = post(
                teacher,
                f"/api/attendance/sessions/{session['id']}/mark/",
                {"attendance": missed, "default_status": "PRESENT"},
                200,
            )
            assert marked["total"] == 100
        query = {"section_id": section["id"]}
        found = get(self.cell, "/api/attendance/eligibility/", student_id=absent, **query)
        assert (found["eligible"], found["attendance_percentage"]) == (False, "50.00")
        found = get(
            self.cell, "/api/attendance/eligibility/", student_id=self.students[0]["id"], **query
        )
        assert found["eligible"] is True

    def set_exams(self) -> None:
        """Theory 70 and practical 30; both and half of the total must be passed."""
        for code, (section, *_) in self.sections.items():
            exam = {
                "course": section["course"],
                "academic_period": self.term["id"],
                "title": "Final",
                "passing_mode": "HYBRID",
                "pass_total_percent": 50,
            }
            self.exams[code] = post(self.cell, "/api/exams/", exam)
            self.parts[code] = [
                post(
                    self.cell,
                    "/api/exam-components/",
                    {
                        "exam": self.exams[code]["id"],
                        "name": name,
                        "sequence": n,
                        "max_marks": maximum,
                        "pass_percent": 40,
                    },
                )
                for n, (name, maximum) in enumerate((("Theory", 70), ("Practical", 30)), start=1)
            ]

    def enter_marks(self) -> None:
        """Anatomy in the grid, section by section; physiology from a spreadsheet."""
        number = {student["id"]: n for n, student in enumerate(self.students)}
        teacher, exam = self.teacher("ANA-101"), self.exams["ANA-101"]["id"]
        parts = [part["id"] for part in self.parts["ANA-101"]]
        for section in self.sections["ANA-101"]:
            grid = get(teacher, f"/api/exams/{exam}/grid/", section=section["id"])
            assert grid["count"] == 100
            flagged = [row["reg_no"] for row in grid["rows"] if row["eligible"] is False]
            first = section == self.sections["ANA-101"][0]
            assert flagged == ([self.students[3]["reg_no"]] if first else [])
            rows = []
            for row in grid["rows"]:
                n = number[row["student"]]
                marks = [
                    {"component": part, "marks_obtained": value}
                    for part, value in zip(parts, (theory(n), practical(n)), strict=True)
                ]
                rows.append({"student": row["student"], "etag": row["etag"], "marks": marks})
            saved = post(teacher, f"/api/exams/{exam}/grid/", {"rows": rows}, 200)
            assert saved["saved"] == 100
        self.import_marks()

    def import_marks(self) -> None:
        """The fifth candidate was absent from the practical."""
        teacher, exam = self.teacher("PHY-101"), self.exams["PHY-101"]["id"]
        lines = ["reg_no,component,marks"]
        for n, student in enumerate(self.students):
            lines.append(f"{student['reg_no']},Theory,{theory(n)}")
            lines.append(f"{student['reg_no']},Practical,{'absent' if n == 4 else practical(n)}")
        url = "/api/exams/marks/import"
        answer = teacher.post(
            f"{url}/preview/",
            data={"exam": str(exam)},
            files={"file": ("marks.csv", "\n".join(lines))},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["summary"] == {"CREATE": 2 * STUDENTS, "UPDATE": 0, "SKIP": 0}
        body = {"import_job_id": answer.json()["import_job_id"], "confirm": True}
        assert post(teacher, f"{url}/commit/", body, 200)["created"] == 2 * STUDENTS

    def move(self, step: str) -> None:
        for exam in self.exams.values():
            moved = post(self.cell, f"/api/exams/{exam['id']}/{step}/", status=200)
            assert (moved["moved"], moved["left"]) == (STUDENTS, [])

    def result(self, code: str, n: int) -> Body:
        query = {"exam": self.exams[code]["id"], "student": self.students[n]["id"]}
        (found,) = get(self.cell, "/api/results/", **query)["results"]
        result: Body = found
        return result

    def correct_one(self, n: int, code: str, marks: int) -> None:
        """The teacher asks, is refused as approver, and a second person approves."""
        result = self.result(code, n)
        body = {
            "result": result["id"],
            "reason": "A page of the script was not marked",
            "marks": [{"component": self.parts[code][0]["id"], "marks_obtained": marks}],
        }
        change = post(self.cell, CHANGES, body)
        decision = {"reason": "Script seen"}
        answer = self.cell.post(f"{CHANGES}{change['id']}/approve/", json=decision)
        problem_of(answer, 403, "SECOND_PERSON_REQUIRED")
        assert self.result(code, n) == result
        done = post(self.second, f"{CHANGES}{change['id']}/approve/", decision, 200)
        assert Decimal(done["new_total"]) == marks + practical(n)
        assert self.result(code, n)["total_obtained"] == done["new_total"]
