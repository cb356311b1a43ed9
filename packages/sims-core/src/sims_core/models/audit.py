"""The audit trail: rows that are only added, chained by hash (ADR 0011)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger, String, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base, Id, Timestamp


class AuditEvent(Base):
    """One change of a row, or one reading of other people's records.

    ``changes`` holds ``{field: [old, new]}``, or what was read. No foreign keys: an event
    outlives what it is about. ``chain``, ``position``, ``previous`` and ``hash`` are set by
    a trigger; ``hash`` is SHA-256 over ``previous`` and the canonical form of the row.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("chain", "position"),
        Index("ix_audit_event_at_id", "at", "id"),
        Index("ix_audit_event_actor_id_id", "actor_id", "id"),
        Index("ix_audit_event_entity_entity_id", "entity", "entity_id"),
    )

    id: Mapped[Id]
    at: Mapped[Timestamp] = mapped_column(server_default=func.clock_timestamp())
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(150), server_default="")
    action: Mapped[str] = mapped_column(String(16))
    entity: Mapped[str] = mapped_column(String(63))
    entity_id: Mapped[str | None] = mapped_column(String(100))
    method: Mapped[str] = mapped_column(String(8), server_default="")
    route: Mapped[str] = mapped_column(String(200), server_default="")
    request_id: Mapped[str] = mapped_column(String(64), server_default="")
    ip: Mapped[str] = mapped_column(String(45), server_default="")
    user_agent: Mapped[str] = mapped_column(String(255), server_default="")
    source: Mapped[str] = mapped_column(String(63), server_default="")
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    chain: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    position: Mapped[int] = mapped_column(BigInteger, server_default="0")
    previous: Mapped[bytes] = mapped_column(LargeBinary, server_default="")
    hash: Mapped[bytes] = mapped_column(LargeBinary, server_default="")


class AuditChain(Base):
    """The head of one chain. A writer holds one of them until it commits."""

    __tablename__ = "audit_chain"

    chain: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger, server_default="0")
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditSeal(Base):
    """The heads of all chains at one time, signed with a key that the database lacks."""

    __tablename__ = "audit_seal"

    id: Mapped[Id]
    at: Mapped[Timestamp]
    heads: Mapped[str]
    signature: Mapped[bytes] = mapped_column(LargeBinary)
