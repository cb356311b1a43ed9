"""Bodies of the transcript routes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from sims_api.fields import Email, Input, Output, RowId
from sims_core.domain.transcripts import TranscriptState


class Enqueue(Input):
    student_id: RowId
    email: Email | None = Field(None, description="the student's own address when left out")


class EnqueueBatch(Input):
    student_ids: Annotated[list[RowId], Field(min_length=1, max_length=1000)]


class TranscriptRequestOut(Output):
    """A request for one transcript and what became of it."""

    id: uuid.UUID
    student_id: int
    reg_no: str
    email: str
    state: TranscriptState
    possible_duplicate: bool = Field(description="a worker died while the relay had the mail")
    error: str | None = Field(description="why it was not sent")
    job_id: uuid.UUID
    batch_id: uuid.UUID | None
    created_at: datetime
    sent_at: datetime | None


class Enqueued(TranscriptRequestOut):
    message: str


class BatchOut(Output):
    """A batch and its progress."""

    id: uuid.UUID
    created_at: datetime
    total: int
    done: int = Field(description="requests that have reached an end")
    states: dict[TranscriptState, int]


class BatchEnqueued(BatchOut):
    message: str
