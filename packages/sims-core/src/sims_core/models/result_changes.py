"""Requests to change a released result, decided by a second person."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.results import ChangeStatus
from sims_core.models.base import Base, Id, Line, Timestamp, Versioned

Marks = Numeric(7, 2)


class ResultChange(Versioned, Base):
    """Who wants what changed and why, and who decided; with the totals before and after."""

    __tablename__ = "result_change"
    __table_args__ = (
        CheckConstraint(f"status IN ({', '.join(repr(str(s)) for s in ChangeStatus)})", "status"),
        CheckConstraint("(status = 'pending') = (resolved_by_id IS NULL)", "resolved"),
        CheckConstraint("status <> 'approved' OR resolved_by_id <> requested_by_id", "two_people"),
        Index(
            "uq_result_change_pending",
            "result_id",
            unique=True,
            postgresql_where=text("status = 'pending'"),
        ),
        Index("ix_result_change_result_id", "result_id"),
    )

    id: Mapped[Id]
    result_id: Mapped[int] = mapped_column(ForeignKey("result.id"))
    status: Mapped[str] = mapped_column(String(16), server_default=ChangeStatus.PENDING)
    reason: Mapped[Line]
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    requested_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    resolved_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    resolved_at: Mapped[Timestamp | None]
    resolution: Mapped[Line] = mapped_column(server_default="")
    old_total: Mapped[Decimal] = mapped_column(Marks)
    new_total: Mapped[Decimal] = mapped_column(Marks)
    old_outcome: Mapped[str] = mapped_column(String(8))
    new_outcome: Mapped[str] = mapped_column(String(8))


class ResultChangeItem(Base):
    """One component's marks before and after; neither marks nor absent: no entry."""

    __tablename__ = "result_change_item"
    __table_args__ = (UniqueConstraint("change_id", "exam_component_id"),)

    id: Mapped[Id]
    change_id: Mapped[int] = mapped_column(ForeignKey("result_change.id", ondelete="CASCADE"))
    exam_component_id: Mapped[int] = mapped_column(ForeignKey("exam_component.id"), index=True)
    old_marks: Mapped[Decimal | None] = mapped_column(Marks)
    old_absent: Mapped[bool] = mapped_column(server_default=text("false"))
    new_marks: Mapped[Decimal | None] = mapped_column(Marks)
    new_absent: Mapped[bool] = mapped_column(server_default=text("false"))
