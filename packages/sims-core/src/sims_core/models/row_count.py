"""Exact row counts that cost nothing to read (ADR 0005)."""

from __future__ import annotations

from sqlalchemy import BigInteger, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base


class RowCount(Base):
    """``n`` rows of ``entity`` (a table's name) are counted in ``slot``; their sum is the count.

    Statement triggers keep it in the writer's own transaction; slots keep two writers
    from waiting for each other.
    """

    __tablename__ = "row_count"

    entity: Mapped[str] = mapped_column(String(63), primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(BigInteger)
