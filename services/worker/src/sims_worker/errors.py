"""What may go wrong with a job, by what is to be done about it.

The type decides: a ``TemporaryFailure`` is tried again later, a ``PermanentFailure`` ends the
request. The texts of a relay may hold an address: they go into the request's own row
(``for_requester``) and never into a log (``log_fields``).
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from sims_common.errors import SimsError


class JobError(SimsError):
    """Base: ``detail`` may name a person or an address, ``title`` and ``extra`` never do."""

    def log_fields(self) -> dict[str, Any]:
        return {"code": self.error_code, **self.extra}

    def for_requester(self) -> str:
        """Why the transcript was not sent, for whoever asked for it."""
        return self.detail


class TemporaryFailure(JobError):
    """Trying again later may help."""

    code = "TEMPORARY_FAILURE"
    title = "It did not work; it will be tried again"


class RelayUnavailable(TemporaryFailure):
    """No mail can be sent now; this one was certainly not taken."""

    code = "MAIL_RELAY_UNAVAILABLE"
    title = "The mail relay could not be used"

    @override
    def log_fields(self) -> dict[str, Any]:
        return {"detail": self.detail, **super().log_fields()}

    @override
    def for_requester(self) -> str:
        return self.title  # the relay's name and state are the operator's business


class Deferred(TemporaryFailure):
    """The relay wants this mail later (4xx); others may pass."""

    code = "MAIL_DEFERRED"
    title = "The mail relay postponed the mail"


class DeliveryUnknown(TemporaryFailure):
    """The connection ended after the whole mail was sent and before the relay's answer."""

    code = "MAIL_DELIVERY_UNKNOWN"
    title = "The connection broke while the relay had the mail"


class Unexpected(TemporaryFailure):
    """A fault of ours: the log has the traceback."""

    code = "UNEXPECTED_ERROR"
    title = "An internal error; the log of the worker has its details"


class PermanentFailure(JobError):
    """Trying again will not help."""

    code = "FAILED"
    title = "It cannot be done"


class Refused(PermanentFailure):
    """The relay, or we ourselves, refuse this address or message for good (5xx)."""

    code = "MAIL_REFUSED"
    title = "The mail was refused"


class NotPrintable(PermanentFailure):
    """The transcript cannot be made from what is stored."""

    code = "TRANSCRIPT_NOT_PRINTABLE"
    title = "The transcript cannot be made"


class HeldBack(PermanentFailure):
    """A hold was placed on the student after the transcript had been asked for."""

    code = "FINANCE_BLOCKED"
    title = "A hold blocks this transcript"


class OutcomeUnknown(PermanentFailure):
    """Twice a connection or worker ended while the relay had the mail."""

    code = "MAIL_OUTCOME_UNKNOWN"
    title = "It is not known whether the mail was delivered"


class LeaseLost(SimsError):
    """Another worker has the job by now; this one must not touch it any more."""

    code = "LEASE_LOST"
    title = "Another worker has the job"


class GivenBack(SimsError):
    """The job was put down between two requests: the worker stops, or others wait."""

    code = "GIVEN_BACK"
    title = "The rest of the job is for the next worker"
