"""Bodies of the transcript routes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from sims_api.fields import Code, Email, Input, Output, RowId
from sims_core.domain.transcripts import TranscriptState


class Enqueue(Input):
    student_id: RowId
    email: Email | None = Field(None, description="the student's own address when left out")
    purpose: Code | None = Field(None, description="code of a purpose; the default when left out")


class EnqueueBatch(Input):
    """Students by their ids, or all active ones of one section, group, batch or program."""

    student_ids: Annotated[list[RowId], Field(min_length=1, max_length=1000)] | None = None
    section: RowId | None = None
    group: RowId | None = None
    batch: RowId | None = None
    program: RowId | None = None
    purpose: Code | None = Field(None, description="code of a purpose; the default when left out")

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        choices = (self.student_ids, self.section, self.group, self.batch, self.program)
        if sum(choice is not None for choice in choices) != 1:
            raise ValueError("send one of student_ids, section, group, batch or program")
        return self


class TranscriptRequestOut(Output):
    """A request for one transcript and what became of it."""

    id: uuid.UUID
    student_id: int
    reg_no: str
    email: str
    purpose: str | None = Field(description="code")
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


class LeftOut(Output):
    """A student of a section, group, batch or program for whom nothing was requested."""

    student_id: int
    reg_no: str
    code: str = Field(description="EMAIL_MISSING or HELD")


class BatchEnqueued(BatchOut):
    message: str
    left_out: list[LeftOut]
