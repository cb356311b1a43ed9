"""A row of everything about one student."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

from services.api.tests.factories import Make
from sqlalchemy import select

from sims_common.clock import now
from sims_core.models import (
    Address,
    AttendanceExemption,
    ContactInfo,
    Enrollment,
    IdentityDocument,
    LeavePeriod,
    Person,
    Section,
    Student,
    StudentDocument,
    User,
)

Ids = set[Any]


def record_of(make: Make, student: Student, section: Section, by: User) -> dict[str, Ids]:
    """A row of everything about ``student``, and where which of them is to be seen."""
    held = make.class_session(section, starts_at=now() - timedelta(hours=2 * make.number()))
    session = make.session
    person = Person(student_id=student.id, first_name="A", last_name="B")
    leave = LeavePeriod(
        student_id=student.id,
        type="medical",
        start_date=date(2026, 1, 1),
        end_date=date(2026, 1, 2),
        reason="x",
        requested_by_id=by.id,
    )
    document = StudentDocument(
        id=uuid.uuid4(),
        student_id=student.id,
        kind="other",
        name="x",
        media_type="application/pdf",
        size=1,
        sha256=bytes(32),
        uploaded_by_id=by.id,
    )
    exemption = AttendanceExemption(
        section_id=section.id, student_id=student.id, reason="x", granted_by_id=by.id
    )
    session.add_all([person, leave, document, exemption])
    session.flush()
    contact = ContactInfo(person_id=person.id, type="phone", value="1")
    address = Address(person_id=person.id, type="work", line1="1", city="x")
    identity = IdentityDocument(person_id=person.id, type="cnic", number="1")
    session.add_all([contact, address, identity])
    session.commit()
    entry = make.attendance(held, student, "PRESENT")
    enrolled = session.scalars(select(Enrollment.id).where(Enrollment.student_id == student.id))
    seen: dict[str, Ids] = {
        "academics/enrollments": set(enrolled),
        "people/persons": {person.id},
        "people/contact-info": {contact.id},
        "people/addresses": {address.id},
        "people/identity-documents": {identity.id},
        "leave-periods": {leave.id},
        "student-documents": {document.id},
        "timetable/sessions": {held.id},
        "attendance": {entry.id},
    }
    session.rollback()
    found = {f"/api/{path}/{end}": ids for path, ids in seen.items() for end in ("", "{id}/")}
    return found | {
        "/api/academics/sections/{id}/availability/": {section.id},
        "/api/academics/enrollments/{id}/history/": seen["academics/enrollments"],
        "/api/attendance/{id}/history/": {entry.id},
        "/api/attendance/sessions/{id}/roster/": set(),
        "/api/attendance/exemptions/{id}/": set(),
        "/api/attendance/import/{id}/detail/": set(),
        "/api/attendance/import/{id}/errors.csv/": set(),
        "/api/student-documents/{id}/content/": {document.id},
        "/api/students/{id}/status-history/": set(),
        "/api/timetable/feeds/{token}/": set(),
    }
