"""The timetable: sessions of sections, and what they book."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, func, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base, Id, Line, Timestamp, Versioned


class ClassSession(Versioned, Base):
    """One meeting of a section. ``teacher_id`` stands in for the section's teachers.

    ``roster_version`` counts how often attendance was entered (its ETag).
    """

    __tablename__ = "class_session"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", "times_in_order"),
        CheckConstraint("ends_at - starts_at <= interval '24 hours'", "a_day_at_most"),
        CheckConstraint("status IN ('SCHEDULED', 'CANCELLED')", "status"),
        Index("ix_class_session_section_id_starts_at", "section_id", "starts_at"),
        Index("ix_class_session_starts_at_id", "starts_at", "id"),
        Index(
            "ix_class_session_series_id",
            "series_id",
            postgresql_where=text("series_id IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    section_id: Mapped[int] = mapped_column(ForeignKey("section.id"))
    room_id: Mapped[int | None] = mapped_column(ForeignKey("room.id"), index=True)
    teacher_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    starts_at: Mapped[Timestamp]
    ends_at: Mapped[Timestamp]
    title: Mapped[Line] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(String(16), server_default="SCHEDULED")
    series_id: Mapped[uuid.UUID | None]
    roster_version: Mapped[int] = mapped_column(server_default=text("0"))


class Booking(Base):
    """A room, teacher or group taken by a session: written by triggers alone.

    The exclusion constraint is the clash detection; nothing can be booked twice at a time.
    """

    __tablename__ = "booking"
    __table_args__ = (
        CheckConstraint("kind IN ('room', 'teacher', 'group')", "kind"),
        ExcludeConstraint(
            ("kind", "="),
            ("resource_id", "="),
            ("during", "&&"),
            name="ex_booking_clash",
            using="gist",
        ),
    )

    session_id: Mapped[int] = mapped_column(
        ForeignKey("class_session.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    resource_id: Mapped[int] = mapped_column(primary_key=True)
    during: Mapped[Range[Any]] = mapped_column(TSTZRANGE)


class CalendarFeed(Base):
    """The secret address of a user's calendar, stored as its SHA-256; one a user."""

    __tablename__ = "calendar_feed"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
