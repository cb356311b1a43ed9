"""A transcript handed out at once: issued, signed, and written down like one that is mailed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from anyio import to_thread
from sqlalchemy.orm import Session

from sims_api.auth.actor import Actor
from sims_api.database import Sessions
from sims_api.problems import not_found
from sims_api.students.scope import students_of
from sims_common.errors import Conflict, FieldError, Unavailable, ValidationFailed
from sims_common.logs import get_logger
from sims_core import holds, transcript_data
from sims_core import transcript_documents as documents
from sims_core.domain.grading import NoBand
from sims_core.domain.holds import Held
from sims_core.models import TranscriptPurpose
from sims_core.press import Press, SigningKeyInvalid
from sims_transcripts import TranscriptData, UnprintableText

log = get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Download:
    reg_no: str
    pdf: bytes


async def download(
    sessions: Sessions,
    press_of: Callable[[], Press],
    actor: Actor,
    view: str,
    student_id: int,
    purpose: str | None,
) -> Download:
    """The signed PDF. Asking again on the same day for the same content gives the same file.

    Raises ``NotFound`` out of scope, ``holds.Blocked``, ``ValidationFailed`` for an unknown
    purpose, ``Conflict`` when the record cannot be printed, ``Unavailable`` without a key.
    """
    try:
        press = await to_thread.run_sync(press_of)
    except SigningKeyInvalid as error:
        log.error("transcripts cannot be signed", reason=str(error))  # noqa: TRY400 (a setting)
        text = "Transcripts cannot be signed here yet; tell whoever runs this installation."
        raise Unavailable(text, code="SIGNING_NOT_CONFIGURED") from error
    wanted = _Wanted(press, actor, view, student_id, purpose)
    try:
        return await _made(sessions, wanted)
    except (NoBand, UnprintableText) as error:
        log.warning("transcript not printable", student_id=student_id, kind=type(error).__name__)
        raise Conflict(str(error), code="TRANSCRIPT_NOT_PRINTABLE") from error


@dataclass(frozen=True)
class _Wanted:
    press: Press
    actor: Actor
    view: str
    student_id: int
    purpose: str | None

    def find_or_issue(self, session: Session) -> documents.Issued:
        self._check(session)
        purpose = purpose_of(session, self.purpose)
        data = documents.load_data(session, self.press, self.student_id)
        return documents.downloaded_today(session, self.student_id, purpose, data) or self._issue(
            session, data
        )

    def issue_again(self, session: Session, earlier: documents.Issued) -> documents.Issued:
        """The key or the letterhead has changed since: the earlier file cannot be made again."""
        return self._issue(session, earlier.data)

    def _issue(self, session: Session, data: TranscriptData) -> documents.Issued:
        return documents.issue(
            session,
            self.press,
            data,
            student_id=self.student_id,
            purpose=purpose_of(session, self.purpose),
            user_id=self.actor.user_id,
        )

    def _check(self, session: Session) -> None:
        statement = transcript_data.header_statement(self.student_id)
        visible = students_of(self.actor, self.view)
        if visible is not None:
            statement = statement.where(visible)
        if session.execute(statement).one_or_none() is None:
            raise not_found("student")
        holds.refuse(session.execute(holds.blocking(self.student_id, Held.TRANSCRIPTS)).all())


async def _made(sessions: Sessions, wanted: _Wanted) -> Download:
    issued = await _transaction(sessions, wanted.find_or_issue)
    pdf = await to_thread.run_sync(issued.print, wanted.press)
    if issued.pdf_sha256 not in (None, hashlib.sha256(pdf).hexdigest()):
        earlier = issued
        issued = await _transaction(sessions, lambda s: wanted.issue_again(s, earlier))
        pdf = await to_thread.run_sync(issued.print, wanted.press)
    if issued.pdf_sha256 is None or issued.pdf_sha256 != hashlib.sha256(pdf).hexdigest():
        await _transaction(sessions, lambda s: documents.seal(s, issued.id, pdf))
        log.info("transcript issued", document_id=str(issued.id), student_id=wanted.student_id)
    return Download(issued.data.reg_no, pdf)


async def _transaction(sessions: Sessions, work: Callable[[Session], T]) -> T:
    async with sessions() as session, session.begin():
        return await session.run_sync(work)


def purpose_of(session: Session, code: str | None) -> TranscriptPurpose:
    """Raises ``ValidationFailed`` with the field's name."""
    try:
        return documents.purpose_of(session, code)
    except documents.PurposeUnknown as error:
        text = f"{error} See /api/transcripts/purposes/."
        raise ValidationFailed(
            text, code="PURPOSE_UNKNOWN", errors=[FieldError("/purpose", "PURPOSE_UNKNOWN", text)]
        ) from error
