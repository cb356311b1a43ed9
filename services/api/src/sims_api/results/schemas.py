"""Bodies of the result routes."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import Field

from sims_api.exams.schemas import MarksIn
from sims_api.fields import Input, Line, Output, RowId
from sims_core.domain.results import ChangeStatus, Outcome, ResultStatus


class CandidateIn(Input):
    """A candidate who is not enrolled: a resit, a late registration."""

    exam: RowId
    student: RowId


class WithholdIn(Input):
    reason: Line


class LeftOut(Output):
    """A result that did not move: INCOMPLETE, OUTCOME_PENDING or WITHHELD."""

    result: int
    student: int
    reg_no: str
    reason: str


class MovedOut(Output):
    exam: int
    step: str
    moved: int
    left: list[LeftOut]
    counts: dict[ResultStatus, int] = Field(description="the exam's results by status, now")


class ChangeIn(MarksIn):
    """The marks as they should be; components that are left out stay."""

    result: RowId
    reason: Line


class DecisionIn(Input):
    reason: Line = Field(description="why it is approved or rejected")


class ChangeItemOut(Output):
    exam_component: int
    component_name: str
    old_marks: Decimal | None
    old_absent: bool
    new_marks: Decimal | None
    new_absent: bool


class ChangeOut(Output):
    id: int
    result: int
    exam: int
    student: int
    reg_no: str
    status: ChangeStatus
    reason: str
    requested_by: int
    requested_at: datetime
    resolved_by: int | None
    resolved_at: datetime | None
    resolution: str
    old_total: Decimal
    new_total: Decimal
    old_outcome: Outcome
    new_outcome: Outcome
    version: int


class ChangeDetailOut(ChangeOut):
    items: list[ChangeItemOut]
    superseded_transcripts: int = Field(
        description="transcripts mailed before the change took effect, which it outdates"
    )


class CourseLineOut(Output):
    code: str
    name: str
    credits: int
    percent: Decimal
    letter: str
    points: Decimal
    counted: bool = Field(description="false for an attempt that a better one replaces")


class PeriodOut(Output):
    name: str
    courses: list[CourseLineOut]
    credits: int
    credits_earned: int
    gpa: Decimal | None


class GradeStepOut(Output):
    letter: str
    min_percent: Decimal
    points: Decimal


class RecordOut(Output):
    """What the transcript says, for the screen: from the same computation."""

    student_name: str
    reg_no: str
    program: str
    batch: str
    status: str
    issued_on: date
    periods: list[PeriodOut]
    credits: int
    credits_earned: int
    cgpa: Decimal | None
    scale: list[GradeStepOut]
