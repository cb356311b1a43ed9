"""The document of a student as of today: rows read in one transaction, drawn outside of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial

from sqlalchemy.orm import Session

from sims_common import metrics
from sims_common.clock import today
from sims_common.settings import InstitutionSettings
from sims_core import transcript_data
from sims_core.domain.grading import NoBand
from sims_transcripts import TranscriptData, UnprintableText, render
from sims_worker.database import Patient
from sims_worker.errors import NotPrintable


@dataclass(frozen=True)
class Document:
    """A PDF with what the mail around it says."""

    name: str
    reg_no: str
    pdf: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.pdf).hexdigest()


def make(patient: Patient, student_id: int, institution: InstitutionSettings) -> Document:
    """Raises ``NotPrintable`` with what has to be put right in the record."""
    try:
        data = patient.run(partial(_load, student_id=student_id, institution=institution))
        with metrics.TRANSCRIPT_RENDER.time():
            pdf = render(data)
    except (NoBand, UnprintableText) as error:
        raise NotPrintable(str(error)) from error
    return Document(name=data.student_name, reg_no=data.reg_no, pdf=pdf)


def _load(session: Session, student_id: int, institution: InstitutionSettings) -> TranscriptData:
    header = session.execute(transcript_data.header_statement(student_id)).one_or_none()
    if header is None:
        raise NotPrintable("The student is no longer in the register.")
    bands = session.execute(transcript_data.scheme_statement(header.scheme_id)).all()
    results = session.execute(transcript_data.results_statement(student_id)).all()
    return transcript_data.assemble(
        header,
        bands,
        results,
        institution=institution.institution_name,
        issued_on=today(institution.zone),
    )
