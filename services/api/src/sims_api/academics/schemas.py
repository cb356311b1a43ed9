"""Programs, batches, groups, departments, academic periods, courses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sims_api.fields import (
    Code,
    Day,
    Description,
    Flag,
    Input,
    Name,
    Output,
    RowId,
    Whole,
    Year,
)


def once_each(ids: list[int]) -> list[int]:
    if len(set(ids)) < len(ids):
        raise ValueError("names something twice")
    return ids


StructureType = Literal["YEARLY", "SEMESTER", "CUSTOM"]
Months = Annotated[int, Field(ge=1, le=60, strict=True), Whole]
Count = Annotated[int, Field(ge=1, le=100, strict=True), Whole]
Credits = Annotated[int, Field(ge=0, le=60, strict=True), Whole]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]
Ids = Annotated[list[RowId], Field(max_length=50), AfterValidator(once_each)]
PeriodType = Literal["TERM", "YEAR", "BLOCK", "MODULE"]


class ProgramIn(Input):
    name: Name
    description: Description = ""
    is_active: Flag = True
    structure_type: StructureType = "SEMESTER"
    period_length_months: Months | None = None
    total_periods: Count | None = None
    attendance_threshold: Percent = Field(
        Decimal(75), description="percent of the sessions that make a student eligible"
    )

    @model_validator(mode="after")
    def _custom_structure(self) -> Self:
        given = [self.period_length_months is not None, self.total_periods is not None]
        if self.structure_type == "CUSTOM" and not all(given):
            raise ValueError("CUSTOM needs period_length_months and total_periods")
        if self.structure_type != "CUSTOM" and any(given):
            raise ValueError("only CUSTOM takes period_length_months and total_periods")
        return self


class ProgramOut(Output):
    id: int
    name: str
    description: str
    is_active: bool
    structure_type: StructureType
    is_finalized: bool
    period_length_months: int | None
    total_periods: int | None
    attendance_threshold: Decimal
    version: int


class BatchIn(Input):
    program: RowId
    name: Name
    start_year: Year


class BatchOut(Output):
    id: int
    program: int
    program_name: str
    name: str
    start_year: int
    version: int


class GroupIn(Input):
    batch: RowId
    name: Name


class GroupOut(Output):
    id: int
    batch: int
    batch_name: str
    name: str
    version: int


class DepartmentIn(Input):
    name: Name
    code: Code
    description: Description = ""
    parent: RowId | None = None


class DepartmentOut(Output):
    id: int
    name: str
    code: str
    description: str
    parent: int | None
    children_count: int
    version: int


class AcademicPeriodIn(Input):
    name: Name
    start_date: Day
    end_date: Day
    period_type: PeriodType = "TERM"
    parent_period: RowId | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end_date < self.start_date:
            raise ValueError("end_date is before start_date")
        return self


class AcademicPeriodOut(Output):
    id: int
    name: str
    start_date: date
    end_date: date
    period_type: PeriodType
    parent_period: int | None
    status: Literal["OPEN", "CLOSED"]
    is_enrollment_open: bool
    version: int


class CourseIn(Input):
    code: Code
    name: Name
    department: RowId
    credits: Credits = 3
    prerequisites: Ids = Field(default_factory=list, description="courses passed before this one")


class CourseOut(Output):
    id: int
    code: str
    name: str
    department: int
    department_name: str
    credits: int
    prerequisites: list[int]
    version: int
