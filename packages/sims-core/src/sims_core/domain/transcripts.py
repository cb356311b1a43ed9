"""The states of a transcript request.

``recorded`` → ``rendering`` → ``sending`` → ``sent``, or an end that tells why not.
A worker that dies in ``rendering`` costs nothing: no mail had left. One that dies in
``sending`` leaves SMTP undecidable: the mail is sent once more under the same
Message-ID and flagged ``possible_duplicate``.
"""

from __future__ import annotations

from enum import StrEnum


class TranscriptState(StrEnum):
    RECORDED = "recorded"
    RENDERING = "rendering"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"  # the relay refuses this address or message for good
    FAILED = "failed"  # it could not be made; the reason is in ``error``
    UNKNOWN = "unknown"  # the connection broke while the relay had it, twice


ENDS = (
    TranscriptState.SENT,
    TranscriptState.REFUSED,
    TranscriptState.FAILED,
    TranscriptState.UNKNOWN,
)
