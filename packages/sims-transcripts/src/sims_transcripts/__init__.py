"""Transcript data to PDF. Pure: the same data gives the same bytes."""

from sims_transcripts.data import CourseLine, PeriodBlock, TranscriptData
from sims_transcripts.render import render

__all__ = ["CourseLine", "PeriodBlock", "TranscriptData", "render"]
