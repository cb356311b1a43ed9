"""to be written"""

from sims_transcripts.data import TranscriptData


def render(data: TranscriptData) -> bytes: ...
