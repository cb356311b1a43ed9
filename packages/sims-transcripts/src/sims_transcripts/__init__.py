"""Transcript data to PDF. Pure: the same data gives the same bytes."""

from sims_transcripts.data import (
    CourseLine,
    GradeStep,
    PeriodBlock,
    TranscriptData,
    Verification,
)
from sims_transcripts.letterhead import Letterhead, Signatory
from sims_transcripts.render import UnprintableText, render

__all__ = [
    "CourseLine",
    "GradeStep",
    "Letterhead",
    "PeriodBlock",
    "Signatory",
    "TranscriptData",
    "UnprintableText",
    "Verification",
    "render",
]
