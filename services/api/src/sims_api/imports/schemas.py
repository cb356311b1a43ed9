"""Bodies of the imports (source of names: the known API)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from sims_api.fields import Input, Output

Mode = Literal["CREATE_ONLY", "UPSERT"]
Action = Literal["CREATE", "UPDATE", "SKIP"]


class CellError(Output):
    column: str
    message: str


class CellChange(Output):
    column: str
    old: Any
    new: Any


class PreviewRow(Output):
    row_number: int = Field(description="line in the file; the header is line 1")
    action: Action = Field(description="SKIP: has errors, or would change nothing")
    errors: list[CellError]
    changes: list[CellChange] = Field(description="of an UPDATE: what would be replaced")
    data: dict[str, str | None]


class ImportJob(Output):
    import_job_id: uuid.UUID
    status: Literal["PREVIEWED", "COMMITTED"]
    mode: Mode
    file_name: str
    total_rows: int
    valid_rows: int
    invalid_rows: int
    created: int
    updated: int
    skipped: int
    created_at: datetime
    committed_at: datetime | None


class Preview(Output):
    import_job_id: uuid.UUID
    total_rows: int
    valid_rows: int
    invalid_rows: int
    duplicate_file_warning: bool = Field(description="the same file was committed before")
    preview_rows: list[PreviewRow] = Field(
        description="every row with errors and the first valid ones, at most 500; all of them:"
        " the job's detail"
    )
    summary: dict[Action, int]


class Commit(Input):
    import_job_id: uuid.UUID
    confirm: Literal[True]


class Committed(Output):
    import_job_id: uuid.UUID
    status: Literal["COMMITTED"]
    created: int
    updated: int
    skipped: int = Field(description="rows with errors, without changes, or taken meanwhile")
    invalid_rows: int


class ImportDetail(ImportJob):
    count: int = Field(description="rows that match")
    page: int
    preview_rows: list[PreviewRow]
