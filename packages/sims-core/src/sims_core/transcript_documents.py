"""Issuing documents: what one says is fixed in a row before it is printed.

    issue → print and sign (no transaction open) → seal

Until it is sealed, a document does not exist for anybody. The functions take a sync session;
the API calls them by ``AsyncSession.run_sync``.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.orm import Session

from sims_common.clock import now, today
from sims_core import transcript_data
from sims_core.domain.transcripts import DocumentStatus
from sims_core.models import TranscriptDocument, TranscriptPurpose
from sims_core.press import Press, token_hash
from sims_transcripts import TranscriptData


class StudentGone(LookupError):
    """There is no such student (any more)."""


class PurposeUnknown(LookupError):
    """There is no purpose with this code, or none at all."""


@dataclass(frozen=True)
class Issued:
    """A document that is to be printed; ``pdf_sha256`` if it has been printed before."""

    id: uuid.UUID
    data: TranscriptData
    purpose: str
    issued_at: datetime
    expires_at: datetime
    pdf_sha256: str | None

    def print(self, press: Press) -> bytes:
        """The signed PDF. Raises ``UnprintableText``."""
        return press.print(
            self.id,
            self.data,
            purpose=self.purpose,
            issued_at=self.issued_at,
            expires_at=self.expires_at,
        )


def load_data(session: Session, press: Press, student_id: int) -> TranscriptData:
    """What a transcript says today. Raises ``StudentGone``, ``grading.NoBand``."""
    header = session.execute(transcript_data.header_statement(student_id)).one_or_none()
    if header is None:
        raise StudentGone("The student is no longer in the register.")
    bands = session.execute(transcript_data.scheme_statement(header.scheme_id)).all()
    results = session.execute(transcript_data.results_statement(student_id)).all()
    return transcript_data.assemble(
        header,
        bands,
        results,
        institution=press.institution,
        issued_on=today(press.zone),
    )


def purpose_of(session: Session, code: str | None) -> TranscriptPurpose:
    """The purpose with this code, else the default. Raises ``PurposeUnknown``."""
    wanted = TranscriptPurpose.is_default if code is None else TranscriptPurpose.code == code
    found = session.scalars(select(TranscriptPurpose).where(wanted)).one_or_none()
    if found is None:
        raise PurposeUnknown(
            f"There is no purpose {code!r}." if code else "No purpose is the default."
        )
    return found


def issue(
    session: Session,
    press: Press,
    data: TranscriptData,
    *,
    student_id: int,
    purpose: TranscriptPurpose,
    user_id: int,
    request_id: uuid.UUID | None = None,
) -> Issued:
    """Writes down a new document."""
    id_ = uuid.uuid4()
    issued_at = now().replace(microsecond=0)  # signatures count in seconds
    row = TranscriptDocument(
        id=id_,
        student_id=student_id,
        purpose_id=purpose.id,
        request_id=request_id,
        issued_to_id=user_id,
        token_hash=token_hash(press.token(id_)),
        content=data.model_dump(mode="json"),
        content_sha256=digest(data),
        issued_at=issued_at,
        expires_at=issued_at + timedelta(hours=purpose.valid_hours),
    )
    session.add(row)
    session.flush()
    return _issued(row, purpose)


def digest(data: TranscriptData) -> str:
    """The same for two transcripts that differ by their date alone."""
    content = data.model_dump(mode="json", exclude={"issued_on"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def of_request(session: Session, request_id: uuid.UUID) -> Issued | None:
    """The document that an earlier attempt may have delivered, if it still counts."""
    return _newest(
        session,
        TranscriptDocument.request_id == request_id,
        TranscriptDocument.pdf_sha256.is_not(None),
    )


def forget_undelivered(session: Session, request_id: uuid.UUID) -> None:
    """Takes back what earlier attempts at a request issued and certainly did not deliver."""
    session.execute(delete(TranscriptDocument).where(TranscriptDocument.request_id == request_id))


def downloaded_today(
    session: Session, student_id: int, purpose: TranscriptPurpose, data: TranscriptData
) -> Issued | None:
    """The document of an earlier download today that says the same."""
    found = _newest(
        session,
        TranscriptDocument.student_id == student_id,
        TranscriptDocument.purpose_id == purpose.id,
        TranscriptDocument.request_id.is_(None),
        TranscriptDocument.pdf_sha256.is_not(None),
        TranscriptDocument.content_sha256 == digest(data),
    )
    return found if found and found.data.issued_on == data.issued_on else None


def _newest(session: Session, *conditions: ColumnElement[bool]) -> Issued | None:
    found = session.execute(
        select(TranscriptDocument, TranscriptPurpose)
        .join(TranscriptPurpose, TranscriptDocument.purpose_id == TranscriptPurpose.id)
        .where(status_column() == DocumentStatus.VALID, *conditions)
        .order_by(TranscriptDocument.issued_at.desc())
        .limit(1)
    ).one_or_none()
    return None if found is None else _issued(*found)


def seal(session: Session, document_id: uuid.UUID, pdf: bytes) -> None:
    """The document is out: its hash counts, and older ones that say something else do not."""
    row = session.get_one(TranscriptDocument, document_id)
    row.pdf_sha256 = hashlib.sha256(pdf).hexdigest()
    row.pdf_size = len(pdf)
    session.execute(
        update(TranscriptDocument)
        .where(
            TranscriptDocument.student_id == row.student_id,
            TranscriptDocument.purpose_id == row.purpose_id,
            TranscriptDocument.id != row.id,
            TranscriptDocument.content_sha256 != row.content_sha256,
            TranscriptDocument.superseded_by_id.is_(None),
            TranscriptDocument.issued_at <= row.issued_at,
        )
        .values(superseded_by_id=row.id)
        .execution_options(synchronize_session=False)
    )


def status_column() -> ColumnElement[str]:
    """``domain.transcripts.Standing.status`` in SQL, for lists and filters."""
    return case(
        (TranscriptDocument.revoked_at.is_not(None), DocumentStatus.REVOKED.value),
        (TranscriptDocument.superseded_by_id.is_not(None), DocumentStatus.SUPERSEDED.value),
        (TranscriptDocument.expires_at <= func.now(), DocumentStatus.EXPIRED.value),
        else_=DocumentStatus.VALID.value,
    )


def _issued(row: TranscriptDocument, purpose: TranscriptPurpose) -> Issued:
    return Issued(
        id=row.id,
        data=TranscriptData.model_validate(row.content),
        purpose=purpose.name,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        pdf_sha256=row.pdf_sha256,
    )
