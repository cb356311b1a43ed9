"""Exams and the components that are marked."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.passing import PassingMode
from sims_core.models.base import Base, Id, Name, Timestamp, Versioned

Marks = Numeric(7, 2)
Percent = Numeric(5, 2)


class Exam(Versioned, Base):
    """What is marked: one course in one academic period, with the rule of passing it."""

    __tablename__ = "exam"
    __table_args__ = (
        UniqueConstraint("course_id", "academic_period_id", "title"),
        CheckConstraint(
            f"passing_mode IN ({', '.join(repr(str(m)) for m in PassingMode)})", "passing_mode"
        ),
        CheckConstraint("pass_total_marks >= 0", "pass_total_marks"),
        CheckConstraint("pass_total_percent BETWEEN 0 AND 100", "pass_total_percent"),
    )

    id: Mapped[Id]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    academic_period_id: Mapped[int] = mapped_column(ForeignKey("academic_period.id"), index=True)
    title: Mapped[Name]
    exam_type: Mapped[str] = mapped_column(String(32), server_default="final")
    scheduled_at: Mapped[Timestamp | None]
    passing_mode: Mapped[str] = mapped_column(String(16), server_default=PassingMode.TOTAL_ONLY)
    pass_total_marks: Mapped[Decimal | None] = mapped_column(Marks)
    pass_total_percent: Mapped[Decimal | None] = mapped_column(Percent)
    fail_if_any_component_fail: Mapped[bool] = mapped_column(server_default=text("false"))


class ExamComponent(Versioned, Base):
    """A part of an exam with marks of its own, such as theory or practical."""

    __tablename__ = "exam_component"
    __table_args__ = (
        UniqueConstraint("exam_id", "sequence"),
        UniqueConstraint("exam_id", "name"),
        CheckConstraint("max_marks > 0", "max_marks"),
        CheckConstraint("pass_marks BETWEEN 0 AND max_marks", "pass_marks"),
        CheckConstraint("pass_percent BETWEEN 0 AND 100", "pass_percent"),
    )

    id: Mapped[Id]
    exam_id: Mapped[int] = mapped_column(ForeignKey("exam.id", ondelete="CASCADE"))
    name: Mapped[Name]
    sequence: Mapped[int]
    max_marks: Mapped[Decimal] = mapped_column(Marks)
    pass_marks: Mapped[Decimal | None] = mapped_column(Marks)
    pass_percent: Mapped[Decimal | None] = mapped_column(Percent)
    is_mandatory_to_pass: Mapped[bool] = mapped_column(server_default=text("true"))
