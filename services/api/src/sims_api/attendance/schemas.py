"""Bodies of attendance."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from sims_api.fields import Day, Input, Line, Output, RowId
from sims_core.domain.attendance import AttendanceStatus, Entry


class Mark(Input):
    student_id: RowId
    status: AttendanceStatus


class Marks(Input):
    """Students left out stay as they are, or get ``default_status``."""

    date: Day | None = Field(None, description="the session's day; refused when it is another")
    attendance: Annotated[list[Mark], Field(max_length=2000)]
    default_status: AttendanceStatus | None = None
    reason: Line | None = Field(None, description="needed to change what is entered already")


class Correction(Input):
    date: Day | None = None
    attendance: Annotated[list[Mark], Field(min_length=1, max_length=2000)]
    reason: Line


class Marked(Output):
    session: int
    created: int
    updated: int
    total: int = Field(description="entries of the session now")
    roster_version: int = Field(description="its ETag, for the next change")


class RosterRow(Output):
    student_id: int
    reg_no: str
    name: str
    status: AttendanceStatus | None
    default_status: AttendanceStatus = Field(description="LEAVE on approved leave, else PRESENT")


class Roster(Output):
    session: int
    section: int
    date: date
    entry: Entry = Field(description="what entering it takes now")
    students: list[RosterRow]


class AttendanceOut(Output):
    id: int
    session: int
    section: int
    starts_at: datetime
    student: int
    reg_no: str
    student_name: str
    status: AttendanceStatus
    marked_by: int | None
    marked_at: datetime


class ChangeOut(Output):
    from_status: AttendanceStatus | None
    to_status: AttendanceStatus
    reason: str
    by: str
    at: datetime


class Percentage(Output):
    percentage: Decimal


class Eligibility(Output):
    student_id: int
    section_id: int
    eligible: bool
    attendance_percentage: Decimal
    threshold: Decimal
    recorded: int
    attended: int
    exempt: bool
    exemption_reason: str | None


class StudentEligibility(Eligibility):
    reg_no: str
    student_name: str


class SectionSummary(Output):
    section_id: int
    total_records: int
    present_count: int
    absent_count: int
    late_count: int
    leave_count: int
    overall_percentage: Decimal


class ExemptionIn(Input):
    section: RowId
    student: RowId
    reason: Line


class ExemptionOut(Output):
    id: int
    section: int
    student: int
    reg_no: str
    reason: str
    granted_by: int
    version: int
