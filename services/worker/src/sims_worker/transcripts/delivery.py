"""From a request to a mail that the relay has taken: one request, or a chunk of a batch.

    recorded → rendering → sending → sent | refused | failed | unknown

Nothing is held open in the database while a document is drawn or a relay is spoken to.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from rq.timeouts import JobTimeoutException

from sims_common.clock import now
from sims_common.errors import SimsError
from sims_common.logs import get_logger
from sims_core.domain.transcripts import TranscriptState
from sims_core.press import Press
from sims_worker.database import is_transient
from sims_worker.errors import (
    Deferred,
    GivenBack,
    OutcomeUnknown,
    PermanentFailure,
    Refused,
    RelayUnavailable,
    TemporaryFailure,
    Unexpected,
)
from sims_worker.jobs.run import Run
from sims_worker.mail.address import parse_address
from sims_worker.mail.message import TranscriptMail, compose
from sims_worker.mail.relay import Relay
from sims_worker.settings import WorkerSettings
from sims_worker.transcripts import document
from sims_worker.transcripts.ledger import Ledger, Order

log = get_logger(__name__)


@dataclass(frozen=True)
class Delivery:
    """The delivery of one job's transcripts over one connection."""

    run: Run
    settings: WorkerSettings
    press: Press
    ledger: Ledger
    relay: Relay

    def one(self, id_: uuid.UUID) -> None:
        """Makes and mails one transcript; does nothing when it has ended before.

        Raises ``PermanentFailure`` once the request's end is recorded, ``TemporaryFailure``
        when another attempt is worth it.
        """
        try:
            order = self.ledger.begin(id_)
            if order is not None:
                self._deliver(order)
        except PermanentFailure as error:
            state = _end(error)
            self.ledger.ended(id_, state, error.for_requester())
            log.warning(
                "transcript not sent", transcript_id=str(id_), state=state, **error.log_fields()
            )
            raise
        except (SimsError, JobTimeoutException):
            raise
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("transcript failed unexpectedly", transcript_id=str(id_))
            raise Unexpected from error

    def each(self, ids: Sequence[uuid.UUID]) -> None:
        """Makes and mails what is left of a chunk; one student's trouble is no other's.

        Raises ``TemporaryFailure`` when some need another attempt, ``GivenBack`` between two
        of them when the worker is stopping or the chunk has had its share of time.
        """
        postponed: TemporaryFailure | None = None
        for number, id_ in enumerate(ids):
            if number and self.run.should_pause():
                raise postponed or GivenBack()
            try:
                self.one(id_)
            except PermanentFailure:
                continue  # recorded and logged with the request
            except (Deferred, Unexpected) as error:
                postponed = error
        if postponed is not None:
            raise postponed

    def _deliver(self, order: Order) -> None:
        self.relay.connect()
        found = document.make(self.run.patient, order, self.press)
        try:
            recipient = parse_address(order.email)
        except ValueError as error:
            raise Refused(f"The address cannot be used: {error}.") from error
        sender = self.settings.sender
        mail = compose(
            TranscriptMail(
                transcript_id=order.id,
                request_id=self.run.lease.request_id,
                recipient=recipient,
                institution=self.press.name,
                name=found.name,
                reg_no=found.reg_no,
                pdf=found.pdf,
                valid_until=found.valid_until,
            ),
            sender=sender,
            now=now(),
        )
        content = self.relay.encode(mail, recipient)
        self.ledger.sending(
            order.id, document_id=found.id, pdf=found.pdf, message_id=str(mail["Message-ID"])
        )
        try:
            self.relay.send(content, sender=sender, recipient=recipient)
        except (Deferred, RelayUnavailable) as error:
            self.ledger.postponed(order.id, error.for_requester())
            raise
        self.ledger.sent(order.id)
        log.info("transcript sent", transcript_id=str(order.id), possible_duplicate=order.resent)


def _end(error: PermanentFailure) -> TranscriptState:
    if isinstance(error, Refused):
        return TranscriptState.REFUSED
    if isinstance(error, OutcomeUnknown):
        return TranscriptState.UNKNOWN
    return TranscriptState.FAILED
