"""What the institution decides while SIMS runs; the rest is configuration."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base, Line, Versioned

COLOUR = "^#[0-9a-f]{6}$"


class InstitutionSetting(Versioned, Base):
    """One row; a column is a setting, with its type, its default and its bounds.

    An empty ``institution_name`` leaves the configured one. ``attendance_lock_days`` are the
    days after a session in which whoever teaches it may still change its attendance. A
    portal switch that is off hides from students what they may otherwise see of themselves.
    """

    __tablename__ = "institution_setting"
    __table_args__ = (
        CheckConstraint("id = 1", "one_row"),
        CheckConstraint(f"primary_colour ~ '{COLOUR}'", "primary_colour"),
        CheckConstraint(f"accent_colour ~ '{COLOUR}'", "accent_colour"),
        CheckConstraint("attendance_lock_days BETWEEN 0 AND 365", "attendance_lock_days"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    institution_name: Mapped[Line] = mapped_column(server_default="")
    primary_colour: Mapped[str] = mapped_column(String(7), server_default="#1f4e79")
    accent_colour: Mapped[str] = mapped_column(String(7), server_default="#c55a11")
    banner: Mapped[str] = mapped_column(String(500), server_default="")
    attendance_lock_days: Mapped[int] = mapped_column(server_default=text("7"))
    student_portal_results: Mapped[bool] = mapped_column(server_default=text("true"))
    student_portal_attendance: Mapped[bool] = mapped_column(server_default=text("true"))
