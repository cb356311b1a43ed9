"""Bodies of enrolment."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from sims_api.academics.schemas import once_each
from sims_api.fields import Flag, Input, Line, Output, RowId
from sims_core.domain.enrollment import EnrollmentStatus

Students = Annotated[list[RowId], Field(min_length=1, max_length=500), AfterValidator(once_each)]


class Enroll(Input):
    """One student, several, or all active ones of a group."""

    student_id: RowId | None = None
    student_ids: Students | None = None
    group_id: RowId | None = None
    waitlist: Flag = Field(default=False, description="wait for a seat when there is none")
    reason: Line | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        sent = (self.student_id, self.student_ids, self.group_id)
        if sum(value is not None for value in sent) != 1:
            raise ValueError("send one of student_id, student_ids, group_id")
        return self


class Leave(Input):
    reason: Line


class EnrollmentOut(Output):
    id: int
    section: int
    section_name: str
    course_code: str
    academic_period: int
    student: int
    reg_no: str
    student_name: str
    status: EnrollmentStatus
    requested_at: datetime
    enrolled_at: datetime | None
    ended_at: datetime | None
    version: int


class EnrollResult(Output):
    """What became of one student: a status, or the code and words of the refusal."""

    student: int
    enrollment: int | None = None
    status: EnrollmentStatus | None = None
    code: str | None = None
    message: str | None = None


class EnrolledMany(Output):
    enrolled: int
    waitlisted: int
    refused: int
    results: list[EnrollResult]


class Availability(Output):
    section: int
    capacity: int
    enrolled: int
    waitlisted: int
    available: int
    is_open: bool = Field(description="whether students may enrol now")


class EventOut(Output):
    from_status: EnrollmentStatus | None
    to_status: EnrollmentStatus
    reason: str
    by: str | None
    at: datetime
