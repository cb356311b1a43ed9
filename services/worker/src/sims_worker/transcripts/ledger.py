"""The state of a transcript request, changed only by whoever holds its job.

Each change is a short transaction of its own that checks the lease first (the fence), so a
worker that was thought dead cannot begin a mail that another has taken over.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import ARRAY, Row, Uuid, any_, case, extract, func, literal, null, update
from sqlalchemy.orm import Session

from sims_common import metrics
from sims_core import leases
from sims_core.domain.transcripts import ENDS, TranscriptState
from sims_core.leases import Lease
from sims_core.models import TranscriptRequest
from sims_core.transcript_documents import seal
from sims_worker.database import Patient
from sims_worker.errors import LeaseLost, OutcomeUnknown

RESENT = "A worker or connection ended while the relay had the mail; it was sent once more."
UNDECIDED = "A worker or connection ended while the relay had the mail."
_WAITED = extract("epoch", func.now() - TranscriptRequest.created_at).label("waited")


@dataclass(frozen=True)
class Order:
    """A request that is to be made and mailed now; ``resent`` if it may be for the second time.

    ``may_be_out``: some attempt, not only the last, may have delivered it.
    """

    id: uuid.UUID
    student_id: int
    email: str
    resent: bool
    may_be_out: bool


class Ledger:
    """The requests of one job."""

    def __init__(self, patient: Patient, lease: Lease, *, relay_deduplicates: bool = False) -> None:
        self._patient = patient
        self._lease = lease
        self._relay_deduplicates = relay_deduplicates

    def begin(self, id_: uuid.UUID) -> Order | None:
        """Takes a request up; None when it has ended already or does not exist.

        One found in ``sending`` may have been delivered: it is sent once more and marked.
        Raises ``OutcomeUnknown`` when that has happened before, unless the relay drops what
        it has already: then sending again is harmless.
        """
        order = self._patient.run(lambda session: self._begin(session, id_))
        if order is not None and order.resent:
            metrics.TRANSCRIPT_DUPLICATES.inc()
        return order

    def _begin(self, session: Session, id_: uuid.UUID) -> Order | None:
        self._fence(session)
        request = session.get(TranscriptRequest, id_, with_for_update=True)
        if request is None or request.state in ENDS:
            return None
        interrupted = request.state == TranscriptState.SENDING
        if interrupted and request.possible_duplicate and not self._relay_deduplicates:
            raise OutcomeUnknown(UNDECIDED)
        request.state = TranscriptState.RENDERING
        request.possible_duplicate = request.possible_duplicate or interrupted
        return Order(
            id_,
            request.student_id,
            request.email,
            resent=interrupted,
            may_be_out=request.possible_duplicate,
        )

    def sending(
        self, id_: uuid.UUID, *, document_id: uuid.UUID, pdf: bytes, message_id: str
    ) -> None:
        """Fixes what is being sent, before the relay hears of it."""
        self._change(
            id_,
            TranscriptState.RENDERING,
            TranscriptState.SENDING,
            also=lambda session: seal(session, document_id, pdf),
            pdf_sha256=hashlib.sha256(pdf).hexdigest(),
            message_id=message_id,
        )

    def sent(self, id_: uuid.UUID) -> None:
        """The relay has taken it."""
        note = case((TranscriptRequest.possible_duplicate, literal(RESENT)), else_=null())
        row = self._change(
            id_,
            TranscriptState.SENDING,
            TranscriptState.SENT,
            also=lambda session: leases.progressed(session, self._lease),
            sent_at=func.now(),
            error=note,
        )
        metrics.TRANSCRIPT_WAIT.observe(max(float(row.waited), 0.0))
        metrics.TRANSCRIPTS.labels(TranscriptState.SENT).inc()

    def postponed(self, id_: uuid.UUID, error: str) -> None:
        """The relay certainly has not taken it: another attempt is no duplicate."""
        self._change(id_, TranscriptState.SENDING, TranscriptState.RECORDED, error=error[:500])

    def ended(self, id_: uuid.UUID, state: TranscriptState, error: str) -> None:
        """An end that is not ``sent``, with the reason that the requester reads."""

        def change(session: Session) -> None:
            self._fence(session)
            session.execute(
                update(TranscriptRequest)
                .where(TranscriptRequest.id == id_)
                .values(state=state, error=error[:500])
            )

        self._patient.run(change)
        metrics.TRANSCRIPTS.labels(state).inc()

    def _change(
        self,
        id_: uuid.UUID,
        before: TranscriptState,
        after: TranscriptState,
        *,
        also: Callable[[Session], object] = lambda _session: None,
        **values: object,
    ) -> Row[uuid.UUID, float]:
        """``after`` is accepted as the state before too: a commit's answer may be lost."""

        def change(session: Session) -> Row[uuid.UUID, float]:
            self._fence(session)
            also(session)
            return session.execute(
                update(TranscriptRequest)
                .where(TranscriptRequest.id == id_, TranscriptRequest.state.in_((before, after)))
                .values(state=after, **values)
                .returning(TranscriptRequest.id, _WAITED)
            ).one()

        return self._patient.run(change)

    def _fence(self, session: Session) -> None:
        if not leases.holds(session, self._lease):
            raise LeaseLost


def give_up(session: Session, job_ids: Collection[uuid.UUID], error: str) -> Counter[str]:
    """Ends the open requests of jobs that ended; returns how many came to which end.

    What the relay may have is ``unknown``, the rest ``failed``; a request that has a reason of
    its own keeps it.
    """
    undecided = TranscriptRequest.state == TranscriptState.SENDING
    ends = session.scalars(
        update(TranscriptRequest)
        .where(
            TranscriptRequest.job_id == any_(literal(list(job_ids), ARRAY(Uuid))),
            TranscriptRequest.state.not_in(ENDS),
        )
        .values(
            state=case((undecided, TranscriptState.UNKNOWN), else_=TranscriptState.FAILED),
            error=case(
                (undecided, literal(UNDECIDED)),
                else_=func.coalesce(TranscriptRequest.error, error[:500]),
            ),
        )
        .returning(TranscriptRequest.state)
    )
    return Counter(ends)


def count_ends(ends: Counter[str]) -> None:
    """Adds to the metrics what ``give_up`` did, once it is committed."""
    for state, number in ends.items():
        metrics.TRANSCRIPTS.labels(state).inc(number)
