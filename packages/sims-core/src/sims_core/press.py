"""The press: what an installation needs to make a signed transcript of its content.

A document's token is derived from its id by the signing key, so it is stored nowhere and
the same content can be printed again to the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from sims_common.settings import InstitutionSettings
from sims_transcripts import TranscriptData, Verification, letterhead, render, signing
from sims_transcripts.signing import SigningIdentity, SigningKeyInvalid

__all__ = ["IssuingSettings", "Press", "SigningKeyInvalid", "build", "lazily", "token_hash"]

TOKEN_BYTES = 24  # 192 bits; 32 characters in an address


def _a_letterhead(text: str) -> str:
    try:
        letterhead.load(text)
    except OSError as error:
        raise ValueError(f"the logo {error.filename} cannot be read: {error.strerror}") from error
    return text


class IssuingSettings(InstitutionSettings):
    """How documents look, what signs them, and where they are verified."""

    letterhead: Annotated[str, AfterValidator(_a_letterhead)] = Field(
        "", description="TOML: name, lines, colour, logo, signatories, note"
    )
    signing_key: SecretStr = Field(SecretStr(""), description="PEM; signs transcripts")
    signing_certificate: str = Field("", description="PEM, with those of its issuers after it")
    public_url: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^https?://[^\s/]+(/[^\s]*)?$")
    ] = Field("http://127.0.0.1:8000", description="where the public reaches this installation")


@dataclass(frozen=True)
class Press:
    """Prints and signs; holds no state between two documents."""

    identity: SigningIdentity
    letterhead: letterhead.Letterhead
    institution: str
    zone: ZoneInfo
    public_url: str

    def token(self, document_id: uuid.UUID) -> str:
        """What the QR code of the document proves itself with."""
        derived = self.identity.derive("verification token", document_id.bytes)
        return base64.urlsafe_b64encode(derived[:TOKEN_BYTES]).decode("ascii")

    def url(self, document_id: uuid.UUID) -> str:
        return f"{self.public_url.rstrip('/')}/verify/{self.token(document_id)}"

    def print(
        self,
        document_id: uuid.UUID,
        data: TranscriptData,
        *,
        purpose: str,
        issued_at: datetime,
        expires_at: datetime,
    ) -> bytes:
        """The signed PDF. Raises ``UnprintableText``."""
        verification = Verification(
            url=self.url(document_id),
            reference=str(document_id),
            purpose=purpose,
            valid_until=expires_at.astimezone(self.zone),
        )
        pdf = render(data, self.letterhead, verification, demonstration=self.identity.demonstration)
        return signing.sign(pdf, self.identity, at=issued_at, name=self.name)

    @property
    def name(self) -> str:
        """The institution's, as its documents say it."""
        return self.letterhead.name or self.institution


def token_hash(token: str) -> bytes:
    """How a token is found again: who reads the database learns no token."""
    return hashlib.sha256(token.encode()).digest()


def build(settings: IssuingSettings) -> Press:
    """Raises ``SigningKeyInvalid`` when there is no key, or none that signs."""
    key = settings.signing_key.get_secret_value()
    if not key or not settings.signing_certificate:
        raise SigningKeyInvalid(
            "Transcripts are signed: set SIMS_SIGNING_KEY_FILE and SIMS_SIGNING_CERTIFICATE_FILE"
            " (`sims signing-certificate` makes a pair for demonstration)."
        )
    return Press(
        identity=signing.load(key, settings.signing_certificate),
        letterhead=letterhead.load(settings.letterhead),
        institution=settings.institution_name,
        zone=settings.zone,
        public_url=settings.public_url,
    )


def lazily(settings: IssuingSettings) -> Callable[[], Press]:
    """``build`` on first use, once."""
    lock = threading.Lock()
    made: list[Press] = []

    def press() -> Press:
        with lock:
            if not made:
                made.append(build(settings))
        return made[0]

    return press
