"""Bodies of the timetable."""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)

from sims_api.academics.schemas import once_each
from sims_api.fields import Code, Day, Flag, Input, Name, OneLine, Output, RowId, Whole

Rest = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255), *OneLine]
Seats = Annotated[int, Field(ge=1, le=100_000, strict=True), Whole]
Clock = Annotated[
    str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["09:30"])
]
Weekday = Annotated[int, Field(ge=0, le=6, strict=True), Whole]
LONGEST = timedelta(hours=24)
_ISO = "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}"


def _in_range(value: datetime) -> datetime:
    if not 1900 <= value.year <= 2200:  # noqa: PLR2004 (as dates elsewhere)
        raise ValueError("must be between 1900 and 2200")
    return value


def _written(value: Any) -> Any:
    """A number would be read as seconds since 1970."""
    if isinstance(value, datetime) or re.match(_ISO, str(value)):
        return value
    raise ValueError("must be a time with its offset like 2026-09-30T09:00:00+05:00")


Instant = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_range)]
SeriesDay = Annotated[Day, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]


class RoomIn(Input):
    code: Code
    name: Name
    building: Rest = ""
    capacity: Seats
    is_active: Flag = True


class RoomOut(Output):
    id: int
    code: str
    name: str
    building: str
    capacity: int
    is_active: bool
    version: int


class SessionIn(Input):
    """Times with their offset; ``teacher`` stands in for the section's teachers."""

    section: RowId
    room: RowId | None = None
    teacher: RowId | None = None
    starts_at: Instant
    ends_at: Instant
    title: Rest = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at is not after starts_at")
        if self.ends_at - self.starts_at > LONGEST:
            raise ValueError("a session lasts 24 hours at most")
        return self


class SeriesIn(Input):
    """Meetings at the same local time each week; both days belong to it, Monday is 0."""

    section: RowId
    room: RowId | None = None
    teacher: RowId | None = None
    first_day: SeriesDay
    last_day: SeriesDay
    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7), AfterValidator(once_each)]
    starts: Clock
    ends: Clock
    without: Annotated[list[Day], Field(max_length=200)] = Field(
        default_factory=list, description="days off"
    )
    title: Rest = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError("last_day is before first_day")
        if (self.last_day - self.first_day).days > 400:  # noqa: PLR2004
            raise ValueError("a series lasts 400 days at most")
        if self.ends <= self.starts:
            raise ValueError("ends is not after starts")
        return self

    @property
    def times(self) -> tuple[time, time]:
        return time.fromisoformat(self.starts), time.fromisoformat(self.ends)

    @property
    def days(self) -> tuple[date, date]:
        return self.first_day, self.last_day


class SessionOut(Output):
    id: int
    section: int
    section_name: str
    course_code: str
    course_name: str
    academic_period: int
    group: int | None
    room: int | None
    room_code: str | None
    teacher: int | None
    starts_at: datetime
    ends_at: datetime
    title: str
    status: Literal["SCHEDULED", "CANCELLED"]
    series_id: uuid.UUID | None
    version: int


class Series(Output):
    series_id: uuid.UUID
    sessions: list[SessionOut]


class Feed(Output):
    url: str = Field(description="secret: whoever has it reads the calendar")
