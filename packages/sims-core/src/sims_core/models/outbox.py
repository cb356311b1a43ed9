"""Jobs, as PostgreSQL knows them: the truth that the queue only transports (ADR 0003)."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base, Timestamp


class Outbox(Base):
    """One job, written in the transaction that asks for it.

    ``pending`` waits for ``available_at``; ``dispatched`` is in the queue; ``running`` is
    leased by a worker until ``leased_until``; ``finished``, ``failed`` and ``cancelled``
    are ends. ``lease`` is the fencing token of the current run.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint(
            "state IN ('pending', 'dispatched', 'running', 'finished', 'failed', 'cancelled')",
            "state",
        ),
        Index(
            "ix_outbox_open",
            "available_at",
            postgresql_where=text("state IN ('pending', 'dispatched', 'running')"),
        ),
        Index("ix_outbox_finished_at", "finished_at"),
        Index("ix_outbox_created_at_id", "created_at", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(String(64))
    queue: Mapped[str] = mapped_column(String(32), server_default="default")
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    request_id: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), server_default="pending")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    crashes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    available_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    dispatched_at: Mapped[Timestamp | None]
    lease: Mapped[uuid.UUID | None]
    leased_until: Mapped[Timestamp | None]
    worker: Mapped[str | None] = mapped_column(String(128))
    finished_at: Mapped[Timestamp | None]
    error: Mapped[str | None] = mapped_column(String(500))
