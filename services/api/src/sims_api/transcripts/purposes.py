"""What transcripts are for: data, each with how long its documents can be verified."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from sims_api.fields import Code, Flag, Input, Name, Output, Whole
from sims_api.resource import Resource, router_of
from sims_core.models import TranscriptPurpose

Hours = Annotated[int, Field(ge=1, le=87_600, strict=True), Whole]


class PurposeIn(Input):
    code: Code
    name: Name = Field(description="printed on the document")
    valid_hours: Hours = Field(description="from the issue of a document to the end of its answer")
    is_default: Flag = Field(
        default=False, description="of requests that name none; at most one is"
    )


class PurposeOut(PurposeIn, Output):
    id: int
    version: int
    created_at: datetime
    updated_at: datetime


PURPOSES = Resource(
    name="transcript purpose",
    path="transcripts/purposes",
    tag="transcripts",
    model=TranscriptPurpose,
    out=PurposeOut,
    create=PurposeIn,
    deletable=True,
    permission="transcripts.purposes",
    orderings={"id": TranscriptPurpose.id, "code": TranscriptPurpose.code},
    default_ordering="code",
    filters={"code": TranscriptPurpose.code, "is_default": TranscriptPurpose.is_default},
)

router = router_of(PURPOSES)
