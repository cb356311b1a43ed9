"""Programs and what they are made of: batches, groups, academic periods, courses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base, Code, Description, Id, Name, Versioned


class Program(Versioned, Base):
    __tablename__ = "program"
    __table_args__ = (
        CheckConstraint("structure_type IN ('YEARLY', 'SEMESTER', 'CUSTOM')", "structure_type"),
        CheckConstraint(
            "(structure_type = 'CUSTOM') = (period_length_months IS NOT NULL)"
            " AND (structure_type = 'CUSTOM') = (total_periods IS NOT NULL)",
            "custom_structure",
        ),
        CheckConstraint("period_length_months > 0 AND total_periods > 0", "positive_structure"),
        CheckConstraint("attendance_threshold BETWEEN 0 AND 100", "attendance_threshold"),
    )

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    description: Mapped[Description]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    structure_type: Mapped[str] = mapped_column(String(16), server_default="SEMESTER")
    is_finalized: Mapped[bool] = mapped_column(server_default=text("false"))
    period_length_months: Mapped[int | None]
    total_periods: Mapped[int | None]
    grading_scheme_id: Mapped[int | None] = mapped_column(
        ForeignKey("grading_scheme.id"), index=True
    )
    attendance_threshold: Mapped[Decimal] = mapped_column(Numeric(5, 2), server_default=text("75"))


class Batch(Versioned, Base):
    """An intake of a program, such as ``2026``."""

    __tablename__ = "batch"
    __table_args__ = (
        UniqueConstraint("program_id", "name"),
        UniqueConstraint("id", "program_id"),  # a student's batch must be of the student's program
    )

    id: Mapped[Id]
    program_id: Mapped[int] = mapped_column(ForeignKey("program.id"))
    name: Mapped[Name]
    start_year: Mapped[int]


class Group(Versioned, Base):
    """A teaching group of a batch, such as ``A``."""

    __tablename__ = "student_group"
    __table_args__ = (UniqueConstraint("batch_id", "name"), UniqueConstraint("id", "batch_id"))

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
    name: Mapped[Name]


class Department(Versioned, Base):
    """A node of the tree of departments; a trigger refuses cycles."""

    __tablename__ = "department"
    __table_args__ = (UniqueConstraint("name", "parent_id", postgresql_nulls_not_distinct=True),)

    id: Mapped[Id]
    name: Mapped[Name]
    code: Mapped[Code] = mapped_column(unique=True)
    description: Mapped[Description]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("department.id"), index=True)


class AcademicPeriod(Versioned, Base):
    """A span in the calendar, such as the term ``Fall 2026`` or a part of it.

    Closed, nothing that belongs to it can be written: triggers of those tables see to it.
    """

    __tablename__ = "academic_period"
    __table_args__ = (
        CheckConstraint("start_date <= end_date", "dates_in_order"),
        CheckConstraint("status IN ('OPEN', 'CLOSED')", "status"),
        CheckConstraint("period_type IN ('TERM', 'YEAR', 'BLOCK', 'MODULE')", "period_type"),
    )

    id: Mapped[Id]
    name: Mapped[Name] = mapped_column(unique=True)
    period_type: Mapped[str] = mapped_column(String(8), server_default="TERM")
    parent_period_id: Mapped[int | None] = mapped_column(
        ForeignKey("academic_period.id"), index=True
    )
    start_date: Mapped[date]
    end_date: Mapped[date]
    status: Mapped[str] = mapped_column(String(8), server_default="OPEN")
    is_enrollment_open: Mapped[bool] = mapped_column(server_default=text("true"))


class Course(Versioned, Base):
    __tablename__ = "course"
    __table_args__ = (CheckConstraint("credits BETWEEN 0 AND 60", "credits"),)

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    department_id: Mapped[int] = mapped_column(ForeignKey("department.id"), index=True)
    credits: Mapped[int] = mapped_column(server_default=text("3"))


class CoursePrerequisite(Base):
    """``prerequisite`` is passed before ``course`` is taken; a trigger refuses cycles."""

    __tablename__ = "course_prerequisite"
    __table_args__ = (CheckConstraint("course_id <> prerequisite_id", "itself"),)

    course_id: Mapped[int] = mapped_column(
        ForeignKey("course.id", ondelete="CASCADE"), primary_key=True
    )
    prerequisite_id: Mapped[int] = mapped_column(
        ForeignKey("course.id"), primary_key=True, index=True
    )
