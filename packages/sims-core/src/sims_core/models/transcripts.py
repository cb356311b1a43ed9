"""Transcripts asked for, and what became of them."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.transcripts import TranscriptState
from sims_core.models.base import Base, Timestamp


class TranscriptBatch(Base):
    """Several requests made at once; its progress is counted from them."""

    __tablename__ = "transcript_batch"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[Timestamp] = mapped_column(server_default=func.now())


class TranscriptRequest(Base):
    """One transcript to one address. ``message_id`` is fixed before the first sending.

    Each state names its race in ``sims_core.domain.transcripts``.
    """

    __tablename__ = "transcript_request"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(str(s)) for s in TranscriptState)})", "state"),
        Index("ix_transcript_request_student_id_created_at", "student_id", "created_at"),
        Index("ix_transcript_request_created_at_id", "created_at", "id"),
        Index("ix_transcript_request_batch_id_state", "batch_id", "state"),
        Index("ix_transcript_request_requested_by_id", "requested_by_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    batch_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("transcript_batch.id"))
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("outbox.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    state: Mapped[str] = mapped_column(String(16), server_default="recorded")
    message_id: Mapped[str | None] = mapped_column(String(255))
    pdf_sha256: Mapped[str | None] = mapped_column(String(64))
    possible_duplicate: Mapped[bool] = mapped_column(server_default=text("false"))
    error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    sent_at: Mapped[Timestamp | None]
