"""Transcripts asked for, what became of them, and the documents that were issued."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.domain.transcripts import TranscriptState
from sims_core.models.base import Base, Code, Id, Name, Timestamp, Versioned


class TranscriptPurpose(Versioned, Base):
    """What a transcript is for, and for how long its verification answers."""

    __tablename__ = "transcript_purpose"
    __table_args__ = (
        CheckConstraint("valid_hours BETWEEN 1 AND 87600", "valid_hours"),
        Index(
            "uq_transcript_purpose_is_default",
            "is_default",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[Id]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    valid_hours: Mapped[int]
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))


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
        Index("ix_transcript_request_purpose_id", "purpose_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    batch_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("transcript_batch.id"))
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("outbox.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    purpose_id: Mapped[int | None] = mapped_column(ForeignKey("transcript_purpose.id"))
    state: Mapped[str] = mapped_column(String(16), server_default="recorded")
    message_id: Mapped[str | None] = mapped_column(String(255))
    pdf_sha256: Mapped[str | None] = mapped_column(String(64))
    possible_duplicate: Mapped[bool] = mapped_column(server_default=text("false"))
    error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    sent_at: Mapped[Timestamp | None]


class TranscriptDocument(Base):
    """One issued transcript: what it says, until when it counts, and the hash of its file.

    The file itself is not kept: the same content and key give the same bytes. ``token_hash``
    is the SHA-256 of the token in its QR code. Until it is signed, ``pdf_sha256`` is NULL and
    the document does not exist for anybody.
    """

    __tablename__ = "transcript_document"
    __table_args__ = (
        Index("ix_transcript_document_issued_at_id", "issued_at", "id"),
        Index("ix_transcript_document_student_id_issued_at", "student_id", "issued_at"),
        Index("ix_transcript_document_request_id", "request_id"),
        Index("ix_transcript_document_purpose_id", "purpose_id"),
        Index("ix_transcript_document_superseded_by_id", "superseded_by_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("student.id"))
    purpose_id: Mapped[int] = mapped_column(ForeignKey("transcript_purpose.id"))
    request_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("transcript_request.id"), doc="None: downloaded"
    )
    issued_to_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    content_sha256: Mapped[str] = mapped_column(String(64))
    pdf_sha256: Mapped[str | None] = mapped_column(String(64))
    pdf_size: Mapped[int | None]
    issued_at: Mapped[Timestamp]
    expires_at: Mapped[Timestamp]
    superseded_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("transcript_document.id", ondelete="SET NULL")
    )
    revoked_at: Mapped[Timestamp | None]
    revoked_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    revoked_reason: Mapped[str | None] = mapped_column(String(500))
