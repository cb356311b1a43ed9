"""The table behind the authorisation matrix: which rows stand in which relation to whom.

A route with an id in its path needs an entry here, or the build fails. An entry makes a row
in a given relation to the student and the teacher of ``World``, and says which relations the
``…_own`` form of a permission reaches, per role. It knows nothing of the scopes' code.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from services.api.tests.authorization_world import (
    NOBODYS,
    OTHER_SECTION,
    OTHER_STUDENT,
    OWN,
    OWN_SECTION,
    SECRET,
    World,
)
from sqlalchemy import select

from sims_common.clock import now
from sims_core.jobs import GenerateAndEmailTranscript
from sims_core.models import (
    Address,
    Assessment,
    AssessmentScore,
    AttendanceExemption,
    AuditEvent,
    ContactInfo,
    Enrollment,
    Exam,
    GradingScheme,
    Hold,
    IdentityDocument,
    LeavePeriod,
    Person,
    Result,
    ResultChange,
    ResultComponent,
    Role,
    Section,
    Student,
    StudentDocument,
    StudentRequest,
    TranscriptBatch,
    User,
)
from sims_core.outbox import new_job

Row = Callable[[World, str], Any]


@dataclass(frozen=True)
class Entry:
    """``row`` makes what the path's ids name; ``own`` are the relations within reach of who has
    but the own form, per role. ``fresh``: its routes end a row, so each cell gets one."""

    row: Row
    own: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fresh: bool = False
    id_of: Callable[[Any], Mapping[str, Any]] = lambda row: {"id": row.id}
    missing: Mapping[str, str] = field(
        default_factory=lambda: {"id": NOBODYS, "student_id": NOBODYS}
    )
    lasts: bool = False
    """Its rows cannot be deleted, by nobody."""
    also: frozenset[int] = frozenset()
    """What an answer within reach may be besides."""


def _plain(make: Callable[[World], Any]) -> Entry:
    """A row that belongs to nobody."""
    return Entry(lambda world, _relation: make(world))


def _section(world: World, relation: str) -> Section:
    if relation == OWN:
        return world.section
    if relation == OWN_SECTION:
        made = world.make.section(world.teacher)
        world.make.enrollment(made, world.student)
        return made
    return world.make.section(world.make.user("Faculty"))


def _request(world: World, relation: str) -> Any:
    return world.make.transcript_request(world.student_in(relation), by=world.registrar)


def _batch(world: World, _relation: str) -> TranscriptBatch:
    made: TranscriptBatch = world.saved(
        TranscriptBatch(id=uuid.uuid4(), requested_by_id=world.registrar.id)
    )
    return made


def _event(world: World, _relation: str) -> AuditEvent:
    made: AuditEvent = world.saved(AuditEvent(action="read", entity="student"))
    return made


def _login(world: World, _relation: str) -> User:
    """Never one that signs in: the routes deactivate it. Logins have no own form."""
    return world.make.user()


def _sign_in(world: World, relation: str) -> Any:
    return world.make.auth_session(world.make.user())


def _place(world: World, relation: str) -> tuple[Student, Section]:
    """The student that ``relation`` names, and the section that the relation is about."""
    student, make = world.student_in(relation), world.make
    if relation in (OWN, OWN_SECTION):
        return student, world.section
    sections = select(Section).join(Enrollment).where(Enrollment.student_id == student.id)
    found = make.session.scalars(sections).one_or_none()
    make.session.commit()
    if found is None:  # somebody whom the teacher has never seen
        found = make.section(make.user("Faculty"))
        make.enrollment(found, student)
    return student, found


def _enrollment(world: World, relation: str) -> Any:
    """Of its own section for the own student: the routes end it."""
    if relation == OWN:
        return world.make.enrollment(world.make.section(world.teacher), world.student)
    student, section = _place(world, relation)
    wanted = (Enrollment.student_id == student.id, Enrollment.section_id == section.id)
    found = world.make.session.scalars(select(Enrollment).where(*wanted)).one()
    world.make.session.commit()
    return found


def _result(world: World, relation: str, status: str = "PUBLISHED") -> Result:
    """Of an exam of the section that the relation is about."""
    student, section = _place(world, relation)
    terms = {"academic_period_id": section.academic_period_id}
    exam = world.make.exam(course_id=section.course_id, **terms)
    return world.make.result(student, status, exam_id=exam.id)


def _mark(world: World, relation: str) -> Any:
    result = _result(world, relation)
    component = world.make.component(world.make.session.get_one(Exam, result.exam_id))
    return world.saved(
        ResultComponent(
            result_id=result.id,
            exam_component_id=component.id,
            marks_obtained=80,
            component_outcome="PASS",
            entered_by_id=world.registrar.id,
        )
    )


def _change(world: World, relation: str) -> Any:
    return world.saved(
        ResultChange(
            result_id=_result(world, relation).id,
            reason="Script",
            requested_by_id=world.registrar.id,
            old_total=1,
            new_total=2,
            old_outcome="PASS",
            new_outcome="PASS",
        )
    )


def _hold(world: World, relation: str) -> Any:
    """One that blocks no route of the other entries."""
    return world.saved(
        Hold(
            student_id=world.student_in(relation).id,
            kind="finance",
            reason=SECRET,
            blocks_results=False,
            blocks_transcripts=False,
            blocks_enrollment=True,
            placed_by_id=world.registrar.id,
        )
    )


def _student_request(world: World, relation: str) -> Any:
    student = world.student_in(relation).id
    values = {"type": "noc", "title": SECRET, "created_by_id": world.registrar.id}
    return world.saved(StudentRequest(student_id=student, **values))


def _leave(world: World, relation: str) -> Any:
    n = world.make.number()  # leave of one student does not overlap
    return world.saved(
        LeavePeriod(
            student_id=world.student_in(relation).id,
            type="medical",
            start_date=date(2000 + n, 1, 1),
            end_date=date(2000 + n, 1, 2),
            reason=SECRET,
            requested_by_id=world.registrar.id,
        )
    )


def _person(world: World, relation: str) -> Any:
    """A student is one person."""
    student, session = world.student_in(relation), world.make.session
    found = session.scalars(select(Person).where(Person.student_id == student.id)).one_or_none()
    session.commit()
    if found is not None:
        return found
    return world.saved(Person(student_id=student.id, first_name="A", last_name=SECRET))


def _of_person(model: Any, **values: Any) -> Row:
    """A person has one of each."""

    def row(world: World, relation: str) -> Any:
        its = {"person_id": _person(world, relation).id, **values}
        session = world.make.session
        found = session.scalars(select(model).filter_by(**its)).one_or_none()
        session.commit()
        return found or world.saved(model(**its))

    return row


def _document(world: World, relation: str) -> Any:
    return world.saved(
        StudentDocument(
            id=uuid.uuid4(),
            student_id=world.student_in(relation).id,
            kind="other",
            name=SECRET,
            media_type="application/pdf",
            size=1,
            sha256=bytes(32),
            uploaded_by_id=world.registrar.id,
        )
    )


def _assessment(world: World, section: Section) -> Any:
    values = {"type": "quiz", "title": f"Quiz {world.make.number()}", "weight": 1}
    return world.saved(Assessment(section_id=section.id, **values))


def _score(world: World, relation: str) -> Any:
    student, section = _place(world, relation)
    made = _assessment(world, section)
    return world.saved(AssessmentScore(assessment_id=made.id, student_id=student.id, score=1))


def _held(world: World, section: Section) -> Any:
    """A session at an hour of its own: nobody teaches two at once."""
    starts_at = now() - timedelta(hours=2 * world.make.number())
    return world.make.class_session(section, starts_at=starts_at)


def _attendance(world: World, relation: str) -> Any:
    student, section = _place(world, relation)
    return world.make.attendance(_held(world, section), student, "PRESENT")


def _exemption(world: World, relation: str) -> Any:
    student, section = _place(world, relation)
    its = {"section_id": section.id, "student_id": student.id}
    wanted = select(AttendanceExemption).filter_by(**its)
    found = world.make.session.scalars(wanted).one_or_none()  # of the own student there is one
    world.make.session.commit()
    values = {"reason": SECRET, "granted_by_id": world.registrar.id}
    return found or world.saved(AttendanceExemption(**its, **values))


def _issued(world: World, relation: str) -> Any:
    return world.make.transcript_document(world.student_in(relation), by=world.registrar)


def _job(world: World) -> Any:
    return world.saved(new_job(GenerateAndEmailTranscript(request_id=uuid.uuid4()), request_id="x"))


STUDENTS_OWN = {"Student": frozenset({OWN})}
TAUGHT = {"Faculty": frozenset({OWN, OWN_SECTION})}
OWN_OR_TAUGHT = STUDENTS_OWN | TAUGHT
SECTIONS_OWN = TAUGHT | {"Student": frozenset({OWN, OWN_SECTION})}
UUID = str(uuid.UUID(int=1))

ENTRIES: dict[str, Entry] = {
    "/api/students/{id}/": Entry(lambda w, r: w.student_in(r), STUDENTS_OWN),
    "/api/results/{id}/": Entry(_result, OWN_OR_TAUGHT),
    "/api/results/students/{student_id}/": Entry(
        lambda w, r: w.student_in(r), STUDENTS_OWN, id_of=lambda row: {"student_id": row.id}
    ),
    "/api/results/change-requests/{id}/": Entry(_change, TAUGHT),
    "/api/result-components/{id}/": Entry(_mark, OWN_OR_TAUGHT),
    # A teacher may open any exam's grid; which rows it holds: test_marks_grid.
    "/api/exams/{id}/": Entry(
        lambda w, _r: w.make.exam(),
        {"Faculty": frozenset({OWN, OWN_SECTION, OTHER_SECTION, OTHER_STUDENT})},
    ),
    "/api/exams/{id}/grid/{student_id}/": Entry(
        lambda w, r: _result(w, r, "DRAFT"),
        TAUGHT,
        id_of=lambda row: {"id": row.exam_id, "student_id": row.student_id},
    ),
    "/api/exam-components/{id}/": _plain(lambda w: w.make.component(w.make.exam())),
    "/api/grading-schemes/{id}/": _plain(
        lambda w: w.saved(GradingScheme(name=f"Scheme {w.make.number()}"))
    ),
    "/api/finance/holds/{id}/": Entry(_hold, STUDENTS_OWN),
    "/api/requests/{id}/": Entry(_student_request, STUDENTS_OWN),
    "/api/assessments/{id}/": Entry(lambda w, r: _assessment(w, _section(w, r)), SECTIONS_OWN),
    "/api/assessment-scores/{id}/": Entry(_score, OWN_OR_TAUGHT),
    "/api/academics/enrollments/{id}/": Entry(_enrollment, OWN_OR_TAUGHT),
    "/api/timetable/sessions/{id}/": Entry(lambda w, r: _held(w, _section(w, r)), SECTIONS_OWN),
    "/api/timetable/rooms/{id}/": _plain(lambda w: w.make.room()),
    "/api/attendance/{id}/": Entry(_attendance, OWN_OR_TAUGHT),
    "/api/attendance/sessions/{id}/": Entry(lambda w, r: _held(w, _section(w, r)), TAUGHT),
    "/api/attendance/exemptions/{id}/": Entry(_exemption),
    "/api/leave-periods/{id}/": Entry(_leave, STUDENTS_OWN),
    "/api/people/persons/{id}/": Entry(_person, STUDENTS_OWN),
    "/api/people/contact-info/{id}/": Entry(
        _of_person(ContactInfo, type="phone", value=SECRET), STUDENTS_OWN
    ),
    "/api/people/addresses/{id}/": Entry(
        _of_person(Address, type="work", line1=SECRET, city="x"), STUDENTS_OWN
    ),
    "/api/people/identity-documents/{id}/": Entry(
        _of_person(IdentityDocument, type="cnic", number=SECRET), STUDENTS_OWN
    ),
    # Its routes delete without If-Match. No file was uploaded here: within reach it is a 503.
    "/api/student-documents/{id}/": Entry(
        _document, STUDENTS_OWN, fresh=True, missing={"id": UUID}, also=frozenset({503})
    ),
    "/api/jobs/{id}/": Entry(lambda w, _r: _job(w), missing={"id": UUID}),
    "/api/transcripts/documents/{id}/": Entry(_issued, missing={"id": UUID}),
    "/api/transcripts/purposes/{id}/": _plain(lambda w: w.make.transcript_purpose()),
    "/api/transcripts/{student_id}/": Entry(
        lambda w, r: w.student_in(r), STUDENTS_OWN, id_of=lambda row: {"student_id": row.id}
    ),
    "/api/transcripts/requests/{id}/": Entry(_request, STUDENTS_OWN, missing={"id": UUID}),
    "/api/transcripts/batches/{id}/": Entry(_batch, missing={"id": UUID}),
    "/api/academics/sections/{id}/": Entry(_section, SECTIONS_OWN),
    "/api/academics/programs/{id}/": _plain(lambda w: w.make.program()),
    "/api/academics/batches/{id}/": _plain(lambda w: w.make.batch(w.make.program())),
    "/api/academics/groups/{id}/": _plain(lambda w: w.make.place().group),
    "/api/academics/departments/{id}/": _plain(lambda w: w.make.department()),
    "/api/academics/academic-periods/{id}/": _plain(lambda w: w.make.period()),
    "/api/academics/courses/{id}/": _plain(lambda w: w.make.course()),
    "/api/academics/periods/{id}/": _plain(lambda w: w.make.program_period()),
    "/api/academics/tracks/{id}/": _plain(lambda w: w.make.track()),
    "/api/academics/blocks/{id}/": _plain(lambda w: w.make.block()),
    "/api/academics/modules/{id}/": _plain(lambda w: w.make.module(block_id=w.make.block().id)),
    "/api/users/{id}/": Entry(_login, fresh=True),
    "/api/users/{id}/sessions/{session_id}/": Entry(
        _sign_in,
        fresh=True,
        id_of=lambda row: {"id": row.user_id, "session_id": row.id},
        missing={"id": NOBODYS, "session_id": UUID},
    ),
    "/api/roles/{id}/": _plain(lambda w: w.saved(Role(name=f"Role {w.make.number()}"))),
    "/api/audit/{id}/": Entry(_event, lasts=True),
}
"""path up to its last id → entry; further parts of a path (``…/deactivate/``) share it"""

ELSEWHERE = {
    "/api/auth/sessions/{id}/": "test_users: only the own sign-ins, for every role",
    "/api/admin/students/import/{id}/": "test_row_scope: a job is its maker's",
    "/api/attendance/import/{id}/": "test_row_scope: a job is its maker's",
    "/api/exams/marks/import/{id}/": "test_row_scope: a job is its maker's",
    "/api/docs/assets/{name}/": "public files",
    "/api/timetable/feeds/{token}/": "test_timetable: whoever has the address",
    "/api/transcripts/verify/{token}/": "test_verification: whoever has the document",
}
"""path → the test that covers it and why the relations do not fit"""
