"""Sections: a course as it is taught in one period, its teachers, and who takes it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.enrollment import EnrollmentStatus
from sims_core.models.base import Base, Code, Id, Line, Name, Timestamp, Versioned

_STATUSES = ", ".join(repr(str(s)) for s in EnrollmentStatus)


class Room(Versioned, Base):
    """Where sessions are held; ``capacity`` in seats."""

    __tablename__ = "room"
    __table_args__ = (CheckConstraint("capacity > 0", "capacity"),)

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    building: Mapped[Line] = mapped_column(server_default="")
    capacity: Mapped[int]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))


class Section(Versioned, Base):
    """A course taught to one class in one academic period.

    ``enrolled_count`` is kept by a trigger on ``enrollment``, in the writer's transaction;
    the check beside it is why no writer of any kind can fill a seat that is not there.
    """

    __tablename__ = "section"
    __table_args__ = (
        UniqueConstraint("course_id", "academic_period_id", "name"),
        CheckConstraint("capacity > 0", "capacity"),
        CheckConstraint("enrolled_count BETWEEN 0 AND capacity", "seats"),
    )

    id: Mapped[Id]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    academic_period_id: Mapped[int] = mapped_column(ForeignKey("academic_period.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("student_group.id"), index=True)
    name: Mapped[Name]
    capacity: Mapped[int] = mapped_column(server_default=text("50"))
    enrolled_count: Mapped[int] = mapped_column(server_default=text("0"))


class SectionTeacher(Base):
    """Who teaches a section; this alone makes it somebody's own."""

    __tablename__ = "section_teacher"

    section_id: Mapped[int] = mapped_column(
        ForeignKey("section.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id"), primary_key=True, index=True
    )


class Enrollment(Versioned, Base):
    """One student in one section, once: who comes back after a drop has the same row.

    ``requested_at`` orders the waitlist.
    """

    __tablename__ = "enrollment"
    __table_args__ = (
        UniqueConstraint("section_id", "student_id"),
        CheckConstraint(f"status IN ({_STATUSES})", "status"),
        Index("ix_enrollment_student_id_status", "student_id", "status"),
        Index(
            "ix_enrollment_waitlist",
            "section_id",
            "requested_at",
            postgresql_where=text("status = 'waitlisted'"),
        ),
    )

    id: Mapped[Id]
    section_id: Mapped[int] = mapped_column(ForeignKey("section.id"))
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    status: Mapped[str] = mapped_column(String(16))
    requested_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    enrolled_at: Mapped[Timestamp | None]
    ended_at: Mapped[Timestamp | None]


class EnrollmentEvent(Base):
    """Each change of an enrolment's status: who, when, why. Rows are only added."""

    __tablename__ = "enrollment_event"

    id: Mapped[Id]
    enrollment_id: Mapped[int] = mapped_column(
        ForeignKey("enrollment.id", ondelete="CASCADE"), index=True
    )
    from_status: Mapped[str | None] = mapped_column(String(16))
    to_status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[Line] = mapped_column(server_default="")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[Timestamp] = mapped_column(server_default=func.now())
