"""The states of a transcript request, and what is true of an issued document.

``recorded`` → ``rendering`` → ``sending`` → ``sent``, or an end that tells why not.
A worker that dies in ``rendering`` costs nothing: no mail had left. One that dies in
``sending`` leaves SMTP undecidable: the mail is sent once more under the same
Message-ID and flagged ``possible_duplicate``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TranscriptState(StrEnum):
    RECORDED = "recorded"
    RENDERING = "rendering"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"  # the relay refuses this address or message for good
    FAILED = "failed"  # it could not be made; the reason is in ``error``
    UNKNOWN = "unknown"  # the connection broke while the relay had it, twice
    CANCELLED = "cancelled"  # somebody took the request back before it was begun


ENDS = (
    TranscriptState.SENT,
    TranscriptState.REFUSED,
    TranscriptState.FAILED,
    TranscriptState.UNKNOWN,
    TranscriptState.CANCELLED,
)

UNSENT = (TranscriptState.REFUSED, TranscriptState.FAILED, TranscriptState.UNKNOWN)
"""Ends that a person may send back into the queue."""


class DocumentStatus(StrEnum):
    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"  # a later document of the same purpose says something else
    ALTERED = "altered"  # the copy at hand is not what was signed


@dataclass(frozen=True)
class Standing:
    """What has happened to a document since it was issued."""

    expires_at: datetime
    revoked: bool
    superseded: bool

    def status(self, now: datetime) -> DocumentStatus:
        """The gravest that holds: who revokes a document wants that said also when it is old."""
        if self.revoked:
            return DocumentStatus.REVOKED
        if self.superseded:
            return DocumentStatus.SUPERSEDED
        return DocumentStatus.EXPIRED if self.expires_at <= now else DocumentStatus.VALID


def masked(name: str) -> str:
    """A name for those who know it: the first letter of each word, lengths hidden.

    Who holds the document can compare; who found a link learns no name.
    """
    return " ".join(f"{word[0]}•••" for word in name.split())
