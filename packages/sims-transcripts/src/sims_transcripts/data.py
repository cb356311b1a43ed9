"""What a transcript says."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CourseLine(_Frozen):
    """One released result. ``percent`` is 0–100 with two places.

    A course may have a letter alone, a percentage alone, or neither: what is not there is
    printed as a dash. ``counted`` is false when a better attempt at the same course counts
    instead: the line stays on the document, its credits and points do not enter the totals.
    """

    code: str
    name: str
    credits: int
    percent: Decimal | None = None
    letter: str = ""
    points: Decimal | None = None
    counted: bool = True


class PeriodBlock(_Frozen):
    """An academic period: its courses, its credits and its own GPA (None without credits).

    ``credits`` were attempted in the period, ``credits_earned`` were passed in it. A course
    repeated in a later period counts here as it was then.
    """

    name: str
    courses: tuple[CourseLine, ...]
    credits: int
    credits_earned: int
    gpa: Decimal | None


class GradeStep(_Frozen):
    """A line of the key to the grades: from ``min_percent`` upwards."""

    letter: str
    min_percent: Decimal
    points: Decimal


class TranscriptData(_Frozen):
    """Everything on the document; ``issued_on`` is the institution's date.

    ``credits`` are those that weigh in the CGPA (a repeated course once),
    ``credits_earned`` those passed.
    """

    institution: str
    student_name: str
    reg_no: str
    program: str
    batch: str
    status: str
    issued_on: date
    periods: tuple[PeriodBlock, ...]
    credits: int
    credits_earned: int
    cgpa: Decimal | None
    scale: tuple[GradeStep, ...] = ()


class Verification(_Frozen):
    """How whoever holds the document finds out that it is real.

    ``reference`` names the document among people; ``url`` holds the token and goes into the
    QR code. ``valid_until`` is in the institution's time zone.
    """

    url: str
    reference: str
    purpose: str
    valid_until: datetime
