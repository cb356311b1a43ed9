"""Answers about a document, the same for programs and for the page."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from pydantic import Field

from sims_api.fields import Output
from sims_api.verification.copies import Copy
from sims_api.verification.service import Found

Status = Literal["valid", "expired", "revoked", "superseded", "altered", "unknown"]

REASONS: dict[str, str] = {
    "valid": "This transcript was issued and is valid.",
    "expired": "This transcript was issued, but the time for verifying it is over."
    " Ask its holder for a new one.",
    "revoked": "The institution has revoked this transcript.",
    "superseded": "A newer transcript with other content has been issued for the same purpose."
    " Ask its holder for that.",
    "altered": "This file is not the transcript that was signed.",
    "unknown": "No transcript has this address.",
}

COPIES: dict[Copy, str] = {
    "identical": "Your file is the signed one, byte for byte.",
    "extended": "Something was added to the file after it was signed.",
    "changed": "What was signed has been changed in this file.",
    "other": "The institution signed this file, but as another document than this one.",
    "foreign": "Somebody else has signed this file.",
    "unsigned": "This file has no signature.",
    "unreadable": "This file is no PDF that could be read.",
}


class VerifiedDocument(Output):
    reference: uuid.UUID = Field(description="printed on the document")
    student_name: str = Field(description="first letters only: compare with the document")
    program: str
    institution: str
    purpose: str
    issued_at: datetime
    expires_at: datetime


class Verification(Output):
    """``valid`` is what counts; ``status`` says why not."""

    valid: bool
    status: Status
    reason: str
    document: VerifiedDocument | None
    copy_check: Copy | None = Field(None, description="of an uploaded file")


def answer(found: Found | None, copy: Copy | None = None) -> Verification:
    if found is None:
        return Verification(valid=False, status="unknown", reason=REASONS["unknown"], document=None)
    status: Status = found.status.value
    reason = REASONS[status]
    if copy not in (None, "identical"):
        status, reason = "altered", f"{REASONS['altered']} {COPIES[copy]}"
    return Verification(
        valid=status == "valid",
        status=status,
        reason=reason,
        document=VerifiedDocument.model_validate(found),
        copy_check=copy,
    )
