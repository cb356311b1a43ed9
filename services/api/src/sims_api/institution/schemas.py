"""Bodies of the settings routes."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from sims_api.fields import Flag, Input, OneLine, Output, Whole

Colour = Annotated[str, StringConstraints(pattern="^#[0-9a-fA-F]{6}$"), AfterValidator(str.lower)]
OptionalLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255), *OneLine]
Banner = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), *OneLine]
LockDays = Annotated[int, Field(ge=0, le=365, strict=True), Whole]


class SettingsIn(Input):
    """What can be changed; each may be left out of a PATCH."""

    institution_name: OptionalLine = Field(description="empty: the configured name")
    primary_colour: Colour = Field(examples=["#1f4e79"])
    accent_colour: Colour = Field(examples=["#c55a11"])
    banner: Banner = Field(description="plain text above every page; empty: none")
    attendance_lock_days: LockDays = Field(description="days in which a teacher may change it")
    student_portal_results: Flag = Field(description="whether students see their results")
    student_portal_attendance: Flag = Field(description="whether students see their attendance")


class PublicSettings(Output):
    """What a page needs before anybody has signed in."""

    institution_name: str
    time_zone: str
    primary_colour: str
    accent_colour: str
    banner: str


class SettingsOut(PublicSettings):
    attendance_lock_days: int
    student_portal_results: bool
    student_portal_attendance: bool
    version: int
