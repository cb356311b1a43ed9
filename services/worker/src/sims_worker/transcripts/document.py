"""The signed document of a request: fixed in a row in one transaction, printed outside of it."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from sims_common import metrics
from sims_common.logs import get_logger
from sims_core import holds
from sims_core import transcript_documents as documents
from sims_core.domain.grading import NoBand
from sims_core.domain.holds import Held
from sims_core.models import TranscriptPurpose, TranscriptRequest
from sims_core.press import Press
from sims_transcripts import TranscriptData, UnprintableText
from sims_worker.database import Patient
from sims_worker.errors import HeldBack, NotPrintable
from sims_worker.transcripts.ledger import Order

log = get_logger(__name__)


@dataclass(frozen=True)
class Document:
    """A signed PDF with what the mail around it says."""

    id: uuid.UUID
    name: str
    reg_no: str
    pdf: bytes
    valid_until: datetime

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.pdf).hexdigest()


def make(patient: Patient, order: Order, press: Press) -> Document:
    """Raises ``NotPrintable`` with what has to be put right in the record, ``HeldBack``.

    A request whose mail may have been delivered gets the same bytes again: whoever has the
    first copy and whoever gets the second can both verify it.
    """
    try:
        issued = patient.run(lambda session: _issue(session, order, press))
        found = _print(issued, press)
        if issued.pdf_sha256 not in (None, found.sha256):
            log.warning("document printed anew: key or letterhead changed", document=str(issued.id))
            issued = patient.run(lambda session: _again(session, order, press, issued))
            found = _print(issued, press)
    except holds.Blocked as error:
        raise HeldBack(error.detail, code=error.error_code) from error
    except (NoBand, UnprintableText, documents.StudentGone) as error:
        raise NotPrintable(str(error)) from error
    return found


def _print(issued: documents.Issued, press: Press) -> Document:
    with metrics.TRANSCRIPT_RENDER.time():
        pdf = issued.print(press)
    return Document(
        id=issued.id,
        name=issued.data.student_name,
        reg_no=issued.data.reg_no,
        pdf=pdf,
        valid_until=issued.expires_at.astimezone(press.zone),
    )


def _issue(session: Session, order: Order, press: Press) -> documents.Issued:
    if order.may_be_out:
        kept = documents.of_request(session, order.id)
        if kept is not None:
            return kept
    else:
        documents.forget_undelivered(session, order.id)
    held = session.execute(holds.blocking(order.student_id, Held.TRANSCRIPTS)).all()
    holds.refuse(held)
    data = documents.load_data(session, press, order.student_id)
    return _new(session, order, press, data)


def _again(
    session: Session, order: Order, press: Press, earlier: documents.Issued
) -> documents.Issued:
    return _new(session, order, press, earlier.data)


def _new(session: Session, order: Order, press: Press, data: TranscriptData) -> documents.Issued:
    request = session.get_one(TranscriptRequest, order.id)
    purpose = (
        session.get_one(TranscriptPurpose, request.purpose_id)
        if request.purpose_id is not None
        else documents.purpose_of(session, None)
    )
    return documents.issue(
        session,
        press,
        data,
        student_id=order.student_id,
        purpose=purpose,
        user_id=request.requested_by_id,
        request_id=order.id,
    )
