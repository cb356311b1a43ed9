"""Persons behind students: names, contacts, addresses, identity documents, files."""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.students import LEAVE_TYPES, LeaveStatus
from sims_core.models.base import Base, Id, Line, Name, Timestamp, Versioned


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(str(v)) for v in values)})", column)


CONTACT_TYPES = ("phone", "email", "emergency_contact", "whatsapp")
ADDRESS_TYPES = ("mailing", "permanent", "temporary", "work")
IDENTITY_TYPES = ("cnic", "passport", "driving_license", "other")
DOCUMENT_KINDS = ("photo", "identity", "certificate", "medical", "other")


class Person(Versioned, Base):
    """A human being; ``student`` tells of which student."""

    __tablename__ = "person"
    __table_args__ = (
        _one_of("gender", ("female", "male", "other")),
        Index("ix_person_last_name_id", "last_name", "id"),
    )

    id: Mapped[Id]
    student_id: Mapped[int | None] = mapped_column(ForeignKey("student.id"), unique=True)
    first_name: Mapped[Name]
    middle_name: Mapped[Name] = mapped_column(server_default="")
    last_name: Mapped[Name]
    date_of_birth: Mapped[date | None]
    gender: Mapped[str | None] = mapped_column(String(8))
    national_id: Mapped[str | None] = mapped_column(String(32), unique=True)


class ContactInfo(Versioned, Base):
    __tablename__ = "contact_info"
    __table_args__ = (
        _one_of("type", CONTACT_TYPES),
        UniqueConstraint("person_id", "type", "value"),
    )

    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(32))
    value: Mapped[Line]
    label: Mapped[Line] = mapped_column(server_default="")
    is_primary: Mapped[bool] = mapped_column(server_default=text("false"))


class Address(Versioned, Base):
    __tablename__ = "address"
    __table_args__ = (_one_of("type", ADDRESS_TYPES), UniqueConstraint("person_id", "type"))

    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(16))
    line1: Mapped[Line]
    line2: Mapped[Line] = mapped_column(server_default="")
    city: Mapped[Name]
    state: Mapped[Name] = mapped_column(server_default="")
    postal_code: Mapped[str] = mapped_column(String(16), server_default="")
    country: Mapped[Name] = mapped_column(server_default="Pakistan")


class IdentityDocument(Versioned, Base):
    __tablename__ = "identity_document"
    __table_args__ = (
        _one_of("type", IDENTITY_TYPES),
        UniqueConstraint("person_id", "type", "number"),
    )

    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(16))
    number: Mapped[str] = mapped_column(String(64))
    issued_on: Mapped[date | None]
    expires_on: Mapped[date | None]
    is_verified: Mapped[bool] = mapped_column(server_default=text("false"))


class StudentDocument(Base):
    """An uploaded file; its content lies in the media directory under its SHA-256.

    The name that it came with is kept for people and is never part of a path.
    """

    __tablename__ = "student_document"
    __table_args__ = (
        _one_of("kind", DOCUMENT_KINDS),
        CheckConstraint("size > 0", "size"),
        Index(
            "uq_student_document_photo",
            "student_id",
            unique=True,
            postgresql_where=text("kind = 'photo'"),
        ),
        Index("ix_student_document_created_at_id", "created_at", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[Line]
    media_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    uploaded_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Timestamp] = mapped_column(server_default=func.now())


class StudentStatusChange(Base):
    """Each status that a student had: written by a trigger, so by every writer."""

    __tablename__ = "student_status_change"

    id: Mapped[Id]
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"), index=True)
    from_status: Mapped[str | None] = mapped_column(String(16))
    to_status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[Line] = mapped_column(server_default="")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[Timestamp] = mapped_column(server_default=func.now())


class LeavePeriod(Versioned, Base):
    """Days that a student is away for; approved, they excuse from attendance."""

    __tablename__ = "leave_period"
    __table_args__ = (
        _one_of("type", LEAVE_TYPES),
        _one_of("status", tuple(LeaveStatus)),
        CheckConstraint("start_date <= end_date", "dates_in_order"),
        Index("ix_leave_period_student_id_start_date", "student_id", "start_date"),
        Index("ix_leave_period_start_date_id", "start_date", "id"),
    )

    id: Mapped[Id]
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    type: Mapped[str] = mapped_column(String(16))
    start_date: Mapped[date]
    end_date: Mapped[date]
    reason: Mapped[str] = mapped_column(String(2000))
    status: Mapped[str] = mapped_column(String(16), server_default="pending")
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[Timestamp | None]
    decision_note: Mapped[Line] = mapped_column(server_default="")
