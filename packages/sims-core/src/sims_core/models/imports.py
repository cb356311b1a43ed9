"""A CSV import between its preview and its commit."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sims_core.models.base import Base, Line, Timestamp


class ImportJob(Base):
    """One uploaded file of a ``kind`` (students, faculty, …).

    ``rows`` holds each row as read, with its action and errors.

    Previewed, it changes nothing; committed, its valid rows are written. ``context`` is
    what the import needs besides its file, such as the exam that the marks are of.
    """

    __tablename__ = "import_job"
    __table_args__ = (
        CheckConstraint("status IN ('PREVIEWED', 'COMMITTED')", "status"),
        CheckConstraint("mode IN ('CREATE_ONLY', 'UPSERT')", "mode"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    context: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    mode: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16), server_default="PREVIEWED")
    file_name: Mapped[Line]
    file_hash: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, deferred=True)
    total_rows: Mapped[int]
    valid_rows: Mapped[int]
    invalid_rows: Mapped[int]
    created_count: Mapped[int] = mapped_column(server_default="0")
    updated_count: Mapped[int] = mapped_column(server_default="0")
    skipped_count: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    committed_at: Mapped[Timestamp | None]
