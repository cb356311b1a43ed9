"""Bodies of the exam routes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from sims_api.fields import (
    Flag,
    Input,
    Marks,
    Moment,
    Name,
    OneLine,
    Output,
    Percent,
    RowId,
    Whole,
)
from sims_core.domain.passing import ComponentOutcome, PassingMode
from sims_core.domain.results import Outcome, ResultStatus

ExamType = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32), *OneLine
]
MaxMarks = Annotated[Marks, Field(gt=0)]
Sequence = Annotated[int, Field(ge=1, le=1000, strict=True), Whole]
MAX_ROWS = 1000  # of one save: a section has 50 to 300 candidates


class ExamIn(Input):
    """A rule that looks at the total names its threshold; the marks count before the percent."""

    course: RowId
    academic_period: RowId
    title: Name
    exam_type: ExamType = "final"
    scheduled_at: Moment | None = None
    passing_mode: PassingMode = PassingMode.TOTAL_ONLY
    pass_total_marks: Marks | None = None
    pass_total_percent: Percent | None = None
    fail_if_any_component_fail: Flag = False

    @model_validator(mode="after")
    def _has_a_threshold(self) -> Self:
        threshold = (self.pass_total_marks, self.pass_total_percent) != (None, None)
        if self.passing_mode is PassingMode.COMPONENT_WISE:
            if threshold:
                raise ValueError("COMPONENT_WISE takes no pass_total_marks or pass_total_percent")
        elif not threshold:
            raise ValueError(f"{self.passing_mode} needs pass_total_marks or pass_total_percent")
        return self


class ComponentOut(Output):
    id: int
    exam: int
    name: str
    sequence: int
    max_marks: Decimal
    pass_marks: Decimal | None
    pass_percent: Decimal | None
    is_mandatory_to_pass: bool
    version: int


class ExamOut(Output):
    id: int
    course: int
    course_code: str
    course_name: str
    academic_period: int
    academic_period_name: str
    title: str
    exam_type: str
    scheduled_at: datetime | None
    passing_mode: PassingMode
    pass_total_marks: Decimal | None
    pass_total_percent: Decimal | None
    fail_if_any_component_fail: bool
    version: int


class ComponentChange(Input):
    """What a component is, but for its exam."""

    name: Name
    sequence: Sequence
    max_marks: MaxMarks
    pass_marks: Marks | None = None
    pass_percent: Percent | None = None
    is_mandatory_to_pass: Flag = True

    @model_validator(mode="after")
    def _can_be_passed(self) -> Self:
        if self.pass_marks is not None and self.pass_marks > self.max_marks:
            raise ValueError("pass_marks is more than max_marks")
        return self


class ComponentIn(ComponentChange):
    exam: RowId


class MarkIn(Input):
    """Marks, or absent; neither takes the entry back."""

    component: RowId
    marks_obtained: Marks | None = None
    is_absent: Flag = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.is_absent and self.marks_obtained is not None:
            raise ValueError("an absent candidate has no marks")
        return self


class MarksIn(Input):
    """Components that are left out keep their marks."""

    marks: Annotated[list[MarkIn], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [mark.component for mark in self.marks]
        if len(set(names)) < len(names):
            raise ValueError("a component is named twice")
        return self


class RowIn(MarksIn):
    student: RowId
    etag: Annotated[str, StringConstraints(max_length=100)] = Field(
        description="of the row as it was read; a stale one refuses the whole save"
    )


class GridIn(Input):
    rows: Annotated[list[RowIn], Field(min_length=1, max_length=MAX_ROWS)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        ids = [row.student for row in self.rows]
        if len(set(ids)) < len(ids):
            raise ValueError("a student is named twice")
        return self


class MarkOut(Output):
    component: int
    marks_obtained: Decimal | None
    is_absent: bool
    component_outcome: ComponentOutcome
    entered_by: int | None
    updated_at: datetime


class RowOut(Output):
    """One candidate. Without a result yet, ``status`` is null and the etag ``"0"``."""

    student: int
    reg_no: str
    student_name: str
    section: int | None
    result: int | None
    etag: str
    status: ResultStatus | None
    withheld: bool
    eligible: bool | None = Field(description="by attendance; null when none is recorded")
    marks: list[MarkOut]
    total_obtained: Decimal
    total_max: Decimal
    is_complete: bool
    final_outcome: Outcome


class GridOut(Output):
    exam: ExamOut
    components: list[ComponentOut]
    closed: bool = Field(description="the academic period is closed: no marks can be entered")
    count: int
    rows: list[RowOut]


class SavedOut(Output):
    saved: int
    rows: list[RowOut]


class CellChange(Output):
    component: int
    name: str
    before: str = Field(description="marks, absent, or empty")
    after: str


class ImportRow(Output):
    row_number: int
    action: str = Field(description="CHANGE, SAME or ERROR")
    student: int | None
    reg_no: str
    student_name: str
    changes: list[CellChange]
    errors: list[dict[str, str]]


class ImportPreview(Output):
    """What the file would do. ``save`` is the body for the marks route: it changes just that."""

    total_rows: int
    changed: int
    unchanged: int
    invalid: int
    rows: list[ImportRow]
    save: GridIn | None
