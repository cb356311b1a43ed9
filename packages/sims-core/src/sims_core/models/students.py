"""The student register."""

from __future__ import annotations

from datetime import date

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.students import STATUSES
from sims_core.models.base import Base, Code, Id, Line, Versioned

_SEARCHED = (
    "lower(reg_no || ' ' || name || ' ' || coalesce(email, '') || ' ' || coalesce(phone, ''))"
)


class Student(Versioned, Base):
    """A student. The batch is of the student's program and the group of that batch.

    ``search_text`` holds what ``?search=`` looks at, under a trigram index.
    """

    __tablename__ = "student"
    __table_args__ = (
        CheckConstraint(f"status IN ({', '.join(repr(str(s)) for s in STATUSES)})", "status"),
        CheckConstraint("group_id IS NULL OR batch_id IS NOT NULL", "group_needs_batch"),
        ForeignKeyConstraint(["batch_id", "program_id"], ["batch.id", "batch.program_id"]),
        ForeignKeyConstraint(
            ["group_id", "batch_id"], ["student_group.id", "student_group.batch_id"]
        ),
        # Covering, so that paging by number walks the index alone.
        Index("uq_student_reg_no", "reg_no", unique=True, postgresql_include=["id"]),
        Index("ix_student_name_id", "name", "id"),
        Index("ix_student_created_at_id", "created_at", "id"),
        Index("ix_student_enrollment_year_id", "enrollment_year", "id"),
        Index("ix_student_program_id_status", "program_id", "status"),
        Index("ix_student_batch_id_group_id", "batch_id", "group_id"),
        Index(
            "ix_student_search_text",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )

    id: Mapped[Id]
    reg_no: Mapped[Code]
    name: Mapped[Line]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), unique=True)
    program_id: Mapped[int] = mapped_column(ForeignKey("program.id"))
    batch_id: Mapped[int | None] = mapped_column(BigInteger)
    group_id: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(16), server_default="active", index=True)
    enrollment_year: Mapped[int]
    expected_graduation_year: Mapped[int | None]
    actual_graduation_year: Mapped[int | None]
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(32))
    date_of_birth: Mapped[date | None]
    search_text: Mapped[str] = mapped_column(
        Text, Computed(_SEARCHED, persisted=True), deferred=True
    )
