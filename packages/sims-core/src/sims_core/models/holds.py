"""Holds on students."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.holds import HoldKind
from sims_core.models.base import Base, Id, Line, Timestamp, Versioned


class Hold(Versioned, Base):
    """Blocks what it says it blocks until it is released; released, it stays on record."""

    __tablename__ = "hold"
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(repr(str(k)) for k in HoldKind)})", "kind"),
        CheckConstraint("blocks_results OR blocks_transcripts OR blocks_enrollment", "blocks"),
        CheckConstraint("(released_at IS NULL) = (released_by_id IS NULL)", "released"),
        Index("ix_hold_student_id", "student_id"),
        Index("ix_hold_open", "student_id", postgresql_where=text("released_at IS NULL")),
    )

    id: Mapped[Id]
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    kind: Mapped[str] = mapped_column(String(16))
    reason: Mapped[Line]
    blocks_results: Mapped[bool] = mapped_column(server_default=text("true"))
    blocks_transcripts: Mapped[bool] = mapped_column(server_default=text("true"))
    blocks_enrollment: Mapped[bool] = mapped_column(server_default=text("false"))
    placed_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    placed_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    released_at: Mapped[Timestamp | None]
    release_reason: Mapped[Line] = mapped_column(server_default="")
