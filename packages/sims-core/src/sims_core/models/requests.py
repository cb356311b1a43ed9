"""What students ask of the office, what became of it, and what was said about it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.requests import Priority, RequestStatus, RequestType
from sims_core.models.base import Base, Description, Id, Line, Name, Timestamp, Versioned


def _one_of(column: str, values: type[RequestType | RequestStatus | Priority]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(str(v)) for v in values)})", column)


class StudentRequest(Versioned, Base):
    __tablename__ = "student_request"
    __table_args__ = (
        _one_of("type", RequestType),
        _one_of("status", RequestStatus),
        _one_of("priority", Priority),
        Index("ix_student_request_student_id", "student_id"),
        Index("ix_student_request_status_id", "status", "id"),
    )

    id: Mapped[Id]
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    type: Mapped[str] = mapped_column(String(16))
    title: Mapped[Name]
    description: Mapped[Description]
    priority: Mapped[str] = mapped_column(String(8), server_default=Priority.MEDIUM)
    status: Mapped[str] = mapped_column(String(16), server_default=RequestStatus.PENDING)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    processed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))


class RequestEvent(Base):
    """A change of status or assignee. Rows are only added."""

    __tablename__ = "request_event"

    id: Mapped[Id]
    request_id: Mapped[int] = mapped_column(ForeignKey("student_request.id"), index=True)
    from_status: Mapped[str | None] = mapped_column(String(16))
    to_status: Mapped[str] = mapped_column(String(16))
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    notes: Mapped[Line] = mapped_column(server_default="")
    by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[Timestamp] = mapped_column(server_default=func.now())


class RequestRemark(Base):
    """A remark; internal ones are the office's alone."""

    __tablename__ = "request_remark"

    id: Mapped[Id]
    request_id: Mapped[int] = mapped_column(ForeignKey("student_request.id"), index=True)
    remark: Mapped[Description]
    is_internal: Mapped[bool] = mapped_column(server_default=text("false"))
    by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[Timestamp] = mapped_column(server_default=func.now())
