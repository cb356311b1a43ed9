"""Transcript data to PDF. Pure: the same data gives the same bytes."""

from sims_transcripts.data import CourseLine, GradeStep, PeriodBlock, TranscriptData
from sims_transcripts.render import UnprintableText, render

__all__ = [
    "CourseLine",
    "GradeStep",
    "PeriodBlock",
    "TranscriptData",
    "UnprintableText",
    "render",
]
