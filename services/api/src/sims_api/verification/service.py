"""What is true of the document that a token belongs to."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_common.clock import now
from sims_common.logs import get_logger
from sims_core.domain.transcripts import DocumentStatus, Standing, masked
from sims_core.models import TranscriptDocument, TranscriptPurpose
from sims_core.press import token_hash

log = get_logger(__name__)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True)
class Found:
    """A document as strangers may see it. ``institution`` and ``program`` as printed on it."""

    reference: uuid.UUID
    status: DocumentStatus
    student_name: str
    program: str
    institution: str
    purpose: str
    issued_at: datetime
    expires_at: datetime
    pdf_sha256: str

    def is_file(self, pdf: bytes) -> bool:
        """Whether ``pdf`` is the signed file, byte for byte."""
        return hmac.compare_digest(hashlib.sha256(pdf).hexdigest(), self.pdf_sha256)


async def look_up(session: AsyncSession, token: str) -> Found | None:
    """None for a token of no document; it is not said whether it is malformed, old or made up."""
    if not _TOKEN.fullmatch(token):
        return None
    row = (
        await session.execute(
            select(TranscriptDocument, TranscriptPurpose.name)
            .join(TranscriptPurpose, TranscriptDocument.purpose_id == TranscriptPurpose.id)
            .where(
                TranscriptDocument.token_hash == token_hash(token),
                TranscriptDocument.pdf_sha256.is_not(None),
            )
        )
    ).one_or_none()
    return None if row is None else _found(row[0], row[1])


def _found(document: TranscriptDocument, purpose: str) -> Found:
    content: dict[str, Any] = document.content
    standing = Standing(
        expires_at=document.expires_at,
        revoked=document.revoked_at is not None,
        superseded=document.superseded_by_id is not None,
    )
    status = standing.status(now())
    log.info("transcript verified", document_id=str(document.id), status=status)
    return Found(
        reference=document.id,
        status=status,
        student_name=masked(content["student_name"]),
        program=content["program"],
        institution=content["institution"],
        purpose=purpose,
        issued_at=document.issued_at,
        expires_at=document.expires_at,
        pdf_sha256=document.pdf_sha256 or "",
    )
