"""The count of taken seats is the database's own, whoever writes."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sims_core.models import (
    AcademicPeriod,
    Course,
    Department,
    Enrollment,
    Program,
    Section,
    Student,
)


@pytest.fixture
def section(session: Session) -> Section:
    """Three seats, and ten students who want them."""
    department = Department(name="Anatomy", code="ANA")
    period = AcademicPeriod(name="Fall", start_date="2026-09-01", end_date="2027-01-31")
    program = Program(name="MBBS")
    session.add_all([department, period, program])
    session.flush()
    course = Course(code="ANA-1", name="Anatomy I", department_id=department.id)
    session.add(course)
    session.flush()
    found = Section(course_id=course.id, academic_period_id=period.id, name="A", capacity=3)
    session.add(found)
    session.add_all(
        Student(reg_no=f"R{n}", name="x", program_id=program.id, enrollment_year=2026)
        for n in range(10)
    )
    session.commit()
    return found


def taken(session: Session) -> int:
    return session.scalars(select(Section.enrolled_count)).one()


def enrol(session: Session, section: Section, count: int, status: str = "enrolled") -> None:
    ids = session.scalars(select(Student.id).order_by(Student.id).limit(count))
    rows = [{"section_id": section.id, "student_id": id_, "status": status} for id_ in ids]
    session.execute(insert(Enrollment), rows)


def test_it_follows_inserts_changes_and_deletes(session: Session, section: Section) -> None:
    enrol(session, section, 3)
    assert taken(session) == 3
    session.execute(update(Enrollment).values(status="dropped"))
    assert taken(session) == 0
    session.execute(
        update(Enrollment)
        .where(Enrollment.id == select(Enrollment.id).limit(1).scalar_subquery())
        .values(status="enrolled")
    )
    assert taken(session) == 1
    session.execute(delete(Enrollment))
    assert taken(session) == 0


def test_who_waits_takes_no_seat(session: Session, section: Section) -> None:
    enrol(session, section, 10, status="waitlisted")
    assert taken(session) == 0


def test_a_fourth_seat_does_not_exist_for_any_writer(session: Session, section: Section) -> None:
    with pytest.raises(IntegrityError, match="ck_section_seats"):
        enrol(session, section, 4)
    session.rollback()
    enrol(session, section, 3)
    session.commit()
    with pytest.raises(IntegrityError, match="ck_section_seats"):
        session.execute(update(Section).values(capacity=2))


def test_truncate_empties_it(session: Session, section: Section) -> None:
    enrol(session, section, 2)
    session.execute(text("TRUNCATE enrollment CASCADE"))
    assert taken(session) == 0
