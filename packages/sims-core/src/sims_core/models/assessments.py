"""Coursework of a section and its scores."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base, Id, Name, Versioned


class Assessment(Versioned, Base):
    """A quiz, assignment or midterm; ``weight`` in percent, together at most 100 a section."""

    __tablename__ = "assessment"
    __table_args__ = (
        UniqueConstraint("section_id", "title"),
        CheckConstraint("weight BETWEEN 0 AND 100", "weight"),
        CheckConstraint("max_score > 0", "max_score"),
    )

    id: Mapped[Id]
    section_id: Mapped[int] = mapped_column(ForeignKey("section.id"))
    type: Mapped[str] = mapped_column(String(64))
    title: Mapped[Name]
    weight: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    max_score: Mapped[Decimal] = mapped_column(Numeric(7, 2), server_default="100")


class AssessmentScore(Versioned, Base):
    __tablename__ = "assessment_score"
    __table_args__ = (
        UniqueConstraint("assessment_id", "student_id"),
        CheckConstraint("score >= 0", "score"),
        Index("ix_assessment_score_student_id", "student_id"),
    )

    id: Mapped[Id]
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessment.id"))
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    score: Mapped[Decimal] = mapped_column(Numeric(7, 2))
