"""How a program runs: its periods and tracks, the blocks between them, and their modules."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base, Description, Id, Name, Versioned


class Period(Versioned, Base):
    """A part of a program, such as ``Semester 3``; ``order`` counts from 1."""

    __tablename__ = "period"
    __table_args__ = (
        UniqueConstraint("program_id", "name"),
        UniqueConstraint("program_id", "order"),
        CheckConstraint('"order" > 0', "order"),
        CheckConstraint("start_date <= end_date", "dates_in_order"),
    )

    id: Mapped[Id]
    program_id: Mapped[int] = mapped_column(ForeignKey("program.id"))
    name: Mapped[Name]
    order: Mapped[int]
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]


class Track(Versioned, Base):
    """A line through a program, such as ``Clinical``."""

    __tablename__ = "track"
    __table_args__ = (UniqueConstraint("program_id", "name"),)

    id: Mapped[Id]
    program_id: Mapped[int] = mapped_column(ForeignKey("program.id"))
    name: Mapped[Name]
    description: Mapped[Description]


class Block(Versioned, Base):
    """A stretch of one track within one period; no day of a track is in two blocks."""

    __tablename__ = "block"
    __table_args__ = (
        UniqueConstraint("period_id", "track_id", "name"),
        CheckConstraint("block_type IN ('INTEGRATED_BLOCK', 'ROTATION_BLOCK')", "block_type"),
        CheckConstraint("start_date <= end_date", "dates_in_order"),
        CheckConstraint(
            "(block_type = 'ROTATION_BLOCK') = (primary_department_id IS NOT NULL)",
            "primary_department",
        ),
        CheckConstraint(
            "sub_department_id IS NULL OR primary_department_id IS NOT NULL", "sub_department"
        ),
        ExcludeConstraint(
            ("track_id", "="),
            (text("daterange(start_date, end_date, '[]')"), "&&"),
            name="ex_block_track_days",
            using="gist",
        ),
    )

    id: Mapped[Id]
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    track_id: Mapped[int] = mapped_column(ForeignKey("track.id"))
    name: Mapped[Name]
    block_type: Mapped[str] = mapped_column(String(16))
    start_date: Mapped[date]
    end_date: Mapped[date]
    primary_department_id: Mapped[int | None] = mapped_column(
        ForeignKey("department.id"), index=True
    )
    sub_department_id: Mapped[int | None] = mapped_column(ForeignKey("department.id"), index=True)


class Module(Versioned, Base):
    """A part of an integrated block; ``order`` counts from 1."""

    __tablename__ = "module"
    __table_args__ = (
        UniqueConstraint("block_id", "name"),
        UniqueConstraint("block_id", "order"),
        CheckConstraint('"order" > 0', "order"),
    )

    id: Mapped[Id]
    block_id: Mapped[int] = mapped_column(ForeignKey("block.id"))
    name: Mapped[Name]
    description: Mapped[Description]
    order: Mapped[int]
