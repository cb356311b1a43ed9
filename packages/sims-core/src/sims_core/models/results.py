"""Grading schemes as data, and results with their marks."""

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
from sims_core.models.base import Base, Id, Line, Name, Stamped, Timestamp, Versioned

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


class Result(Versioned, Base):
    """One student's result in one exam; its totals and outcome are computed from its marks.

    ``version`` is that of the whole row of the marks grid: a change of any mark raises it.
    ``revised_at`` is the last change after release, by a change request.
    """

    __tablename__ = "result"
    __table_args__ = (
        UniqueConstraint("exam_id", "student_id"),
        CheckConstraint("total_max > 0 AND total_obtained BETWEEN 0 AND total_max", "totals"),
        CheckConstraint(f"status IN ({', '.join(repr(str(s)) for s in ResultStatus)})", "status"),
        CheckConstraint(
            f"final_outcome IN ({', '.join(repr(str(o)) for o in Outcome)})", "final_outcome"
        ),
        CheckConstraint(
            "withheld_at IS NULL OR status IN ('DRAFT', 'VERIFIED')", "withheld_before_release"
        ),
        Index("ix_result_student_id_status", "student_id", "status"),
    )

    id: Mapped[Id]
    exam_id: Mapped[int] = mapped_column(ForeignKey("exam.id"))
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    total_obtained: Mapped[Decimal] = mapped_column(Marks)
    total_max: Mapped[Decimal] = mapped_column(Marks)
    final_outcome: Mapped[str] = mapped_column(String(8), server_default="PENDING")
    is_complete: Mapped[bool] = mapped_column(server_default=text("true"))
    status: Mapped[str] = mapped_column(String(16), server_default="DRAFT")
    verified_at: Mapped[Timestamp | None]
    verified_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    published_at: Mapped[Timestamp | None]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    frozen_at: Mapped[Timestamp | None]
    frozen_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    withheld_at: Mapped[Timestamp | None]
    withheld_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    withheld_reason: Mapped[Line] = mapped_column(server_default="")
    revised_at: Mapped[Timestamp | None]


class ResultComponent(Stamped, Base):
    """The marks of one component: a number, or absent. No row: nothing entered yet."""

    __tablename__ = "result_component"
    __table_args__ = (
        UniqueConstraint("result_id", "exam_component_id"),
        CheckConstraint("is_absent = (marks_obtained IS NULL)", "absent"),
        CheckConstraint("marks_obtained >= 0", "marks_obtained"),
        Index("ix_result_component_exam_component_id", "exam_component_id"),
    )

    id: Mapped[Id]
    result_id: Mapped[int] = mapped_column(ForeignKey("result.id", ondelete="CASCADE"))
    exam_component_id: Mapped[int] = mapped_column(ForeignKey("exam_component.id"))
    marks_obtained: Mapped[Decimal | None] = mapped_column(Marks)
    is_absent: Mapped[bool] = mapped_column(server_default=text("false"))
    component_outcome: Mapped[str] = mapped_column(String(8))
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
