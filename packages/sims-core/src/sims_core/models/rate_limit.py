"""How often somebody has called a route that anybody may call (ADR 0070)."""

from __future__ import annotations

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base, Timestamp


class RateWindow(Base):
    """Calls of one caller in one stretch of time; an unlogged table, empty after a crash.

    ``caller`` is a keyed hash of the network address: the table holds no addresses.
    """

    __tablename__ = "rate_window"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 (SQLAlchemy's form)

    bucket: Mapped[str] = mapped_column(String(32), primary_key=True)
    caller: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    began_at: Mapped[Timestamp] = mapped_column(primary_key=True)
    calls: Mapped[int]
