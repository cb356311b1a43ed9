"""What a transcript says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CourseLine(_Frozen):
    """One released result. ``percent`` is 0–100 with two places."""

    code: str
    name: str
    credits: int
    percent: Decimal
    letter: str
    points: Decimal


class PeriodBlock(_Frozen):
    """An academic period with its courses and its own GPA (None without credits)."""

    name: str
    courses: tuple[CourseLine, ...]
    credits: int
    gpa: Decimal | None


class TranscriptData(_Frozen):
    """Everything on the document; ``issued_on`` is the institution's date."""

    institution: str
    student_name: str
    reg_no: str
    program: str
    batch: str
    status: str
    issued_on: date
    periods: tuple[PeriodBlock, ...]
    credits: int
    cgpa: Decimal | None
