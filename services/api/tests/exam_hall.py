"""An exam with two components, two sections with a teacher each, and candidates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
from services.api.tests.conftest import Api

from sims_core.models import AcademicPeriod, Course, Exam, ExamComponent, Section, Student, User

Body = dict[str, Any]


@dataclass
class Hall:
    """Theory counts 70 marks and practical 30; 50 % pass."""

    api: Api
    course: Course
    period: AcademicPeriod
    exam: Exam
    theory: ExamComponent
    practical: ExamComponent
    teacher: User
    other_teacher: User
    section: Section
    other_section: Section
    students: list[Student] = field(default_factory=list)
    others: list[Student] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/api/exams/{self.exam.id}/grid/"

    def row_path(self, student: Student) -> str:
        return f"{self.path}{student.id}/"

    def marks(self, theory: object = None, practical: object = None) -> list[Body]:
        """Both components; ``absent``, a number, or None to leave it out."""
        parts = ((self.theory, theory), (self.practical, practical))
        return [
            {"component": part.id, "is_absent": True}
            if value == "absent"
            else {"component": part.id, "marks_obtained": value}
            for part, value in parts
            if value is not None
        ]

    def row(self, student: Student, etag: str, **marks: object) -> Body:
        return {"student": student.id, "etag": etag, "marks": self.marks(**marks)}

    def grid(self, client: httpx.Client, **query: Any) -> dict[int, Body]:
        """Rows by student."""
        answer = client.get(self.path, params=query)
        assert answer.status_code == 200, answer.text
        return {row["student"]: row for row in answer.json()["rows"]}

    def fill(self, client: httpx.Client, **marks: object) -> list[Body]:
        """Gives every candidate whom the client reaches the same marks."""
        rows = [
            {"student": id_, "etag": row["etag"], "marks": self.marks(**marks)}
            for id_, row in self.grid(client).items()
        ]
        answer = client.post(self.path, json={"rows": rows})
        assert answer.status_code == 200, answer.text
        saved: list[Body] = answer.json()["rows"]
        return saved

    def move(self, client: httpx.Client, *steps: str) -> Body:
        """Takes the whole exam through ``steps``; what the last one answered."""
        for step in steps:
            answer = client.post(f"/api/exams/{self.exam.id}/{step}/")
            assert answer.status_code == 200, answer.text
        found: Body = answer.json()
        return found

    def result_of(self, client: httpx.Client, student: Student) -> Body:
        query = {"exam": self.exam.id, "student": student.id}
        (found,) = client.get("/api/results/", params=query).json()["results"]
        result: Body = found
        return result


def hall(api: Api, candidates: int = 3, **rule: Any) -> Hall:
    make = api.make
    course, period = make.course(), make.period()
    values = {"pass_total_percent": 50} | rule
    exam = make.exam(course_id=course.id, academic_period_id=period.id, **values)
    teachers = [make.user("Faculty") for _ in range(2)]
    place = {"course_id": course.id, "academic_period_id": period.id}
    sections = [make.section(teacher, **place) for teacher in teachers]
    programs = [make.program() for _ in sections]
    people = [[make.student(program) for _ in range(candidates)] for program in programs]
    for section, students in zip(sections, people, strict=True):
        for student in students:
            make.enrollment(section, student)
    return Hall(
        api,
        course,
        period,
        exam,
        make.component(exam, 70, name="Theory", sequence=1),
        make.component(exam, 30, name="Practical", sequence=2),
        teachers[0],
        teachers[1],
        sections[0],
        sections[1],
        people[0],
        people[1],
    )
