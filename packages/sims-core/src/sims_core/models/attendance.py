"""Attendance: one row a student and session, its corrections, and exemptions."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.attendance import AttendanceStatus
from sims_core.models.base import Base, Id, Line, Timestamp, Versioned

_CODES = ", ".join(repr(str(s)) for s in AttendanceStatus)


class Attendance(Base):
    """Grows by the million, so it is narrow; its history is in ``attendance_change``."""

    __tablename__ = "attendance"
    __table_args__ = (
        CheckConstraint(f"status IN ({_CODES})", "status"),
        UniqueConstraint("session_id", "student_id"),
        # With the code, so that a student's percentage is read from the index alone.
        Index(
            "ix_attendance_student_id_session_id",
            "student_id",
            "session_id",
            postgresql_include=["status"],
        ),
    )

    id: Mapped[Id]
    session_id: Mapped[int] = mapped_column(ForeignKey("class_session.id"))
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    status: Mapped[str] = mapped_column(String(8))
    marked_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    marked_at: Mapped[Timestamp] = mapped_column(server_default=func.now())


class AttendanceChange(Base):
    """What was entered late or changed afterwards: from what, to what, who, when, why."""

    __tablename__ = "attendance_change"

    id: Mapped[Id]
    attendance_id: Mapped[int] = mapped_column(
        ForeignKey("attendance.id", ondelete="CASCADE"), index=True
    )
    from_status: Mapped[str | None] = mapped_column(String(8))
    to_status: Mapped[str] = mapped_column(String(8))
    reason: Mapped[Line]
    by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[Timestamp] = mapped_column(server_default=func.now())


class AttendanceExemption(Versioned, Base):
    """A student who is eligible in a section whatever the percentage, and why."""

    __tablename__ = "attendance_exemption"
    __table_args__ = (UniqueConstraint("section_id", "student_id"),)

    id: Mapped[Id]
    section_id: Mapped[int] = mapped_column(ForeignKey("section.id"))
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"), index=True)
    reason: Mapped[Line]
    granted_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
