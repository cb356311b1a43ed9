"""Grading schemes as data, exams and their results."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.results import Outcome, ResultStatus
from sims_core.models.base import Base, Id, Name, Timestamp, Versioned

Marks = Numeric(7, 2)


class GradingScheme(Versioned, Base):
    """A scale from percent to letter and points. One scheme is the default."""

    __tablename__ = "grading_scheme"
    __table_args__ = (
        Index(
            "uq_grading_scheme_default",
            "is_default",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))


class GradingBand(Base):
    __tablename__ = "grading_band"
    __table_args__ = (
        CheckConstraint("min_percent BETWEEN 0 AND 100", "min_percent"),
        CheckConstraint("points >= 0", "points"),
    )

    scheme_id: Mapped[int] = mapped_column(
        ForeignKey("grading_scheme.id", ondelete="CASCADE"), primary_key=True
    )
    min_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2), primary_key=True)
    letter: Mapped[str] = mapped_column(String(8))
    points: Mapped[Decimal] = mapped_column(Numeric(4, 2))


class Exam(Versioned, Base):
    """What is marked: one course in one academic period."""

    __tablename__ = "exam"
    __table_args__ = (UniqueConstraint("course_id", "academic_period_id", "title"),)

    id: Mapped[Id]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    academic_period_id: Mapped[int] = mapped_column(ForeignKey("academic_period.id"), index=True)
    title: Mapped[Name]
    scheduled_at: Mapped[Timestamp | None]


class Result(Versioned, Base):
    """One student's result in one exam."""

    __tablename__ = "result"
    __table_args__ = (
        UniqueConstraint("exam_id", "student_id"),
        CheckConstraint("total_max > 0 AND total_obtained BETWEEN 0 AND total_max", "totals"),
        CheckConstraint(f"status IN ({', '.join(repr(str(s)) for s in ResultStatus)})", "status"),
        CheckConstraint(
            f"final_outcome IN ({', '.join(repr(str(o)) for o in Outcome)})", "final_outcome"
        ),
        Index("ix_result_student_id_status", "student_id", "status"),
    )

    id: Mapped[Id]
    exam_id: Mapped[int] = mapped_column(ForeignKey("exam.id"))
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    total_obtained: Mapped[Decimal] = mapped_column(Marks)
    total_max: Mapped[Decimal] = mapped_column(Marks)
    final_outcome: Mapped[str] = mapped_column(String(8), server_default="PENDING")
    status: Mapped[str] = mapped_column(String(16), server_default="DRAFT")
    published_at: Mapped[Timestamp | None]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    frozen_at: Mapped[Timestamp | None]
    frozen_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
