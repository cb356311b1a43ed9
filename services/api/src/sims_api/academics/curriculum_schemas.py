"""Periods, tracks, blocks, modules."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sims_api.fields import Day, Description, Input, Name, Output, RowId, Whole

BlockType = Literal["INTEGRATED_BLOCK", "ROTATION_BLOCK"]
Order = Annotated[int, Field(ge=1, le=1000, strict=True), Whole]


class PeriodIn(Input):
    program: RowId
    name: Name
    order: Order
    start_date: Day | None = None
    end_date: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_date and self.end_date and self.end_date < self.start_date:
            raise ValueError("end_date is before start_date")
        return self


class PeriodOut(Output):
    id: int
    program: int
    program_name: str
    name: str
    order: int
    start_date: date | None
    end_date: date | None
    version: int


class TrackIn(Input):
    program: RowId
    name: Name
    description: Description = ""


class TrackOut(Output):
    id: int
    program: int
    program_name: str
    name: str
    description: str
    version: int


class BlockIn(Input):
    """A rotation is in a department, an integrated block is made of modules."""

    period: RowId
    track: RowId
    name: Name
    block_type: BlockType
    start_date: Day
    end_date: Day
    primary_department: RowId | None = None
    sub_department: RowId | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.end_date < self.start_date:
            raise ValueError("end_date is before start_date")
        rotation = self.block_type == "ROTATION_BLOCK"
        if rotation and self.primary_department is None:
            raise ValueError("ROTATION_BLOCK needs primary_department")
        if not rotation and (self.primary_department or self.sub_department):
            raise ValueError("INTEGRATED_BLOCK takes no departments")
        return self


class BlockOut(Output):
    id: int
    period: int
    track: int
    name: str
    block_type: BlockType
    start_date: date
    end_date: date
    primary_department: int | None
    sub_department: int | None
    modules: list[int]
    modules_count: int
    version: int


class ModuleIn(Input):
    block: RowId
    name: Name
    description: Description = ""
    order: Order


class ModuleOut(Output):
    id: int
    block: int
    block_name: str
    name: str
    description: str
    order: int
    version: int
