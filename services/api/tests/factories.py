"""Rows for tests, as short as a story needs them."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from sims_common.clock import now
from sims_core.domain.results import ResultStatus
from sims_core.jobs import GenerateAndEmailTranscript
from sims_core.models import (
    AcademicPeriod,
    Attendance,
    AuthSession,
    Base,
    Batch,
    Block,
    ClassSession,
    Course,
    Department,
    Enrollment,
    Exam,
    ExamComponent,
    Group,
    ImportJob,
    Module,
    Period,
    Program,
    Result,
    Role,
    Room,
    Section,
    SectionTeacher,
    Student,
    Track,
    TranscriptDocument,
    TranscriptPurpose,
    TranscriptRequest,
    User,
    UserRole,
)
from sims_core.outbox import new_job


@dataclass(frozen=True)
class Place:
    """A program with one batch and one group."""

    program: Program
    batch: Batch
    group: Group


class Make:
    """Makes rows and commits them. Names are numbered, so that nothing collides."""

    def __init__(self, session: Session) -> None:
        session.expire_on_commit = False  # reading a row's id must not open a transaction
        self.session = session
        self._numbers = itertools.count(1)

    def _saved(self, row: Any) -> Any:
        self.session.add(row)
        self.session.commit()
        return row

    def number(self) -> int:
        return next(self._numbers)

    def user(self, *roles: str, password_hash: str = "unusable", **values: Any) -> User:
        n = self.number()
        values = {"username": f"user{n}", "email": f"user{n}@example.edu"} | values
        user: User = self._saved(User(password_hash=password_hash, **values))
        for name in roles:
            role_id = self.session.scalars(select(Role.id).where(Role.name == name)).one()
            self._saved(UserRole(user_id=user.id, role_id=role_id))
        return user

    def remove_roles(self, user: User) -> None:
        self.session.execute(delete(UserRole).where(UserRole.user_id == user.id))
        self.session.commit()

    def auth_session(self, user: User, **values: Any) -> AuthSession:
        values = {"id": uuid.uuid4(), "expires_at": now() + timedelta(hours=1)} | values
        made: AuthSession = self._saved(AuthSession(user_id=user.id, **values))
        return made

    def program(self, **values: Any) -> Program:
        made: Program = self._saved(Program(**{"name": f"Program {self.number()}"} | values))
        return made

    def batch(self, program: Program, **values: Any) -> Batch:
        values = {"name": f"Batch {self.number()}", "start_year": 2024} | values
        made: Batch = self._saved(Batch(program_id=program.id, **values))
        return made

    def group(self, batch: Batch, **values: Any) -> Group:
        values = {"name": f"Group {self.number()}"} | values
        made: Group = self._saved(Group(batch_id=batch.id, **values))
        return made

    def place(self, program: str = "", batch: str = "", group: str = "", year: int = 2024) -> Place:
        """A program, its batch and the batch's group, under these names if given."""
        made = self.program(**({"name": program} if program else {}))
        intake = self.batch(made, start_year=year, **({"name": batch} if batch else {}))
        return Place(made, intake, self.group(intake, **({"name": group} if group else {})))

    def department(self, **values: Any) -> Department:
        n = self.number()
        made: Department = self._saved(
            Department(**{"name": f"Department {n}", "code": f"D{n}"} | values)
        )
        return made

    def course(self, department: Department | None = None, **values: Any) -> Course:
        n = self.number()
        values = {"code": f"C{n}", "name": f"Course {n}"} | values
        department = department or self.department()
        made: Course = self._saved(Course(department_id=department.id, **values))
        return made

    def period(self, **values: Any) -> AcademicPeriod:
        n = self.number()
        defaults = {
            "name": f"Term {n}",
            "start_date": date(2025, 9, 1),
            "end_date": date(2026, 1, 31),
        }
        made: AcademicPeriod = self._saved(AcademicPeriod(**defaults | values))
        return made

    def exam(self, **values: Any) -> Exam:
        values = {"title": f"Exam {self.number()}"} | values
        if "course_id" not in values:
            values["course_id"] = self.course().id
        if "academic_period_id" not in values:
            values["academic_period_id"] = self.period().id
        made: Exam = self._saved(Exam(**values))
        return made

    def component(self, exam: Exam, max_marks: int = 100, **values: Any) -> ExamComponent:
        n = self.number()
        values = {"name": f"Part {n}", "sequence": n, "max_marks": max_marks} | values
        made: ExamComponent = self._saved(ExamComponent(exam_id=exam.id, **values))
        return made

    def student(self, program: Program | None = None, **values: Any) -> Student:
        n = self.number()
        defaults = {"reg_no": f"R-{n:04}", "name": f"Student {n}", "enrollment_year": 2024}
        program_id = program.id if program else values.pop("program_id", None)
        made: Student = self._saved(
            Student(program_id=program_id or self.program().id, **defaults | values)
        )
        return made

    def track(self, **values: Any) -> Track:
        values = {"name": f"Track {self.number()}"} | values
        if "program_id" not in values:
            values["program_id"] = self.program().id
        made: Track = self._saved(Track(**values))
        return made

    def program_period(self, **values: Any) -> Period:
        n = self.number()
        values = {"name": f"Period {n}", "order": n} | values
        if "program_id" not in values:
            values["program_id"] = self.program().id
        made: Period = self._saved(Period(**values))
        return made

    def block(self, **values: Any) -> Block:
        """An integrated block of two months, of a track and period of its own."""
        track = self.track()
        period = self.program_period(program_id=track.program_id)
        defaults = {
            "name": f"Block {self.number()}",
            "period_id": period.id,
            "track_id": track.id,
            "block_type": "INTEGRATED_BLOCK",
            "start_date": date(2026, 9, 1),
            "end_date": date(2026, 10, 31),
        }
        made: Block = self._saved(Block(**defaults | values))
        return made

    def module(self, **values: Any) -> Module:
        made: Module = self._saved(Module(**{"name": f"M{self.number()}", "order": 1} | values))
        return made

    def room(self, **values: Any) -> Room:
        n = self.number()
        values = {"code": f"R{n}", "name": f"Room {n}", "capacity": 60} | values
        made: Room = self._saved(Room(**values))
        return made

    def section(self, *teachers: User, **values: Any) -> Section:
        """A section of a course and period of its own unless given, taught by ``teachers``."""
        values = {"name": f"S{self.number()}"} | values
        if "course_id" not in values:
            values["course_id"] = self.course().id
        if "academic_period_id" not in values:
            values["academic_period_id"] = self.period().id
        made: Section = self._saved(Section(**values))
        for user in teachers:
            self._saved(SectionTeacher(section_id=made.id, user_id=user.id))
        return made

    def enrollment(self, section: Section, student: Student, **values: Any) -> Enrollment:
        values = {"status": "enrolled", "enrolled_at": now()} | values
        made: Enrollment = self._saved(
            Enrollment(section_id=section.id, student_id=student.id, **values)
        )
        return made

    def class_session(self, section: Section, **values: Any) -> ClassSession:
        """A session of an hour that starts now unless ``starts_at`` says otherwise."""
        start = values.pop("starts_at", now())
        times = {"starts_at": start, "ends_at": start + timedelta(hours=1)}
        made: ClassSession = self._saved(ClassSession(section_id=section.id, **times | values))
        return made

    def attendance(self, held: ClassSession, student: Student, status: str) -> Attendance:
        made: Attendance = self._saved(
            Attendance(session_id=held.id, student_id=student.id, status=status)
        )
        return made

    def result(
        self, student: Student, status: str = ResultStatus.PUBLISHED, **values: Any
    ) -> Result:
        defaults = {"total_obtained": Decimal(80), "total_max": Decimal(100)}
        if "exam_id" not in values:
            values["exam_id"] = self.exam().id
        made: Result = self._saved(
            Result(student_id=student.id, status=status, **defaults | values)
        )
        return made

    def transcript_request(self, student: Student, by: User, **values: Any) -> TranscriptRequest:
        id_ = uuid.uuid4()
        job = self._saved(new_job(GenerateAndEmailTranscript(request_id=id_), request_id="test"))
        values = {"email": "someone@example.edu"} | values
        made: TranscriptRequest = self._saved(
            TranscriptRequest(
                id=id_, student_id=student.id, requested_by_id=by.id, job_id=job.id, **values
            )
        )
        return made

    def transcript_purpose(self, **values: Any) -> TranscriptPurpose:
        n = self.number()
        values = {"code": f"purpose-{n}", "name": f"Purpose {n}", "valid_hours": 24} | values
        made: TranscriptPurpose = self._saved(TranscriptPurpose(**values))
        return made

    def transcript_document(self, student: Student, by: User, **values: Any) -> TranscriptDocument:
        """An issued one, for lists: nobody has its file."""
        purpose = select(TranscriptPurpose.id).where(TranscriptPurpose.is_default)
        defaults = {
            "id": uuid.uuid4(),
            "purpose_id": self.session.scalars(purpose).one(),
            "token_hash": uuid.uuid4().bytes,
            "content": {},
            "content_sha256": "0" * 64,
            "pdf_sha256": "0" * 64,
            "issued_at": now(),
            "expires_at": now() + timedelta(hours=48),
        }
        made: TranscriptDocument = self._saved(
            TranscriptDocument(student_id=student.id, issued_to_id=by.id, **defaults | values)
        )
        return made

    def student_import(self, by: User, **values: Any) -> ImportJob:
        defaults: dict[str, Any] = {
            "id": uuid.uuid4(),
            "kind": "students",
            "mode": "CREATE_ONLY",
            "status": "PREVIEWED",
            "file_name": "students.csv",
            "file_hash": b"\0" * 32,
            "rows": [],
            "total_rows": 0,
            "valid_rows": 0,
            "invalid_rows": 0,
        }
        made: ImportJob = self._saved(ImportJob(created_by_id=by.id, **defaults | values))
        return made

    def reload(self, row: Base) -> None:
        """Reads ``row`` again: the API has changed it."""
        self.session.rollback()
        self.session.refresh(row)
        self.session.commit()
