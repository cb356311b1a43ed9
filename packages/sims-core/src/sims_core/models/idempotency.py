"""Answers kept for ``Idempotency-Key``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, SmallInteger, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base, Timestamp


class IdempotencyKey(Base):
    """The answer to one POST, replayed when the same user repeats the same key and body."""

    __tablename__ = "idempotency_key"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int | None] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    body: Mapped[Any | None] = mapped_column(JSONB)
    created_at: Mapped[Timestamp] = mapped_column(server_default=func.now(), index=True)
