"""What drawing a transcript costs: CPU of one core, the first and the following.

python -m bench.transcripts [--documents 200]
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import date
from decimal import Decimal

from rich.console import Console

from sims_transcripts import CourseLine, PeriodBlock, TranscriptData, render

COURSES, PERIODS = 6, 8


def document(number: int) -> TranscriptData:
    """A two-page transcript of 48 rows, different for each number."""
    line = CourseLine(
        code="MED-101",
        name=f"Gross Anatomy {number}",
        credits=4,
        percent=Decimal("71.50"),
        letter="C+",
        points=Decimal("2.30"),
    )
    period = PeriodBlock(
        name="Spring 2026",
        courses=(line,) * COURSES,
        credits=24,
        credits_earned=24,
        gpa=Decimal("2.30"),
    )
    return TranscriptData(
        institution="Bench College",
        student_name=f"Student {number}",
        reg_no=f"B-{number:06d}",
        program="MBBS",
        batch="2026",
        status="active",
        issued_on=date(2026, 1, 31),
        periods=(period,) * PERIODS,
        credits=24 * PERIODS,
        credits_earned=24 * PERIODS,
        cgpa=Decimal("2.30"),
        scale=(),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=200)
    count = parser.parse_args().documents
    started = time.process_time()
    size = len(render(document(0)))
    first = time.process_time() - started
    started = time.process_time()
    for number in range(1, count + 1):
        render(document(number))
    each = (time.process_time() - started) / count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console = Console()
    console.print(f"first document {first * 1000:.0f} ms CPU, the following {each * 1000:.1f} ms")
    console.print(f"{1 / each:.0f} documents a second and core, {COURSES * PERIODS} rows each")
    console.print(f"{size / 1024:.0f} KiB a document, memory at most {peak:.0f} MiB")


if __name__ == "__main__":
    main()
