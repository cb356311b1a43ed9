"""The PDF says what the data says, twice the same, and claims the standards it keeps."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from pypdf.generic import DictionaryObject, StreamObject

from sims_transcripts import (
    CourseLine,
    GradeStep,
    PeriodBlock,
    TranscriptData,
    UnprintableText,
    render,
)
from sims_transcripts.text import clean

SCALE = (
    GradeStep(letter="A+", min_percent=Decimal("90.00"), points=Decimal("4.00")),
    GradeStep(letter="B", min_percent=Decimal("75.00"), points=Decimal("3.00")),
    GradeStep(letter="F", min_percent=Decimal("0.00"), points=Decimal("0.00")),
)


def course(number: int, **changes: Any) -> CourseLine:
    base: dict[str, Any] = {
        "code": f"CS-{number:03d}",
        "name": f"Course number {number}",
        "credits": 3,
        "percent": Decimal(50) + Decimal(number % 50) / 4,
        "letter": "B",
        "points": Decimal("3.00"),
    }
    return CourseLine(**(base | changes))


def period(name: str, courses: tuple[CourseLine, ...]) -> PeriodBlock:
    total = sum(line.credits for line in courses)
    return PeriodBlock(
        name=name, courses=courses, credits=total, credits_earned=total, gpa=Decimal("3.00")
    )


def transcript(periods: int = 2, courses: int = 4, **changes: Any) -> TranscriptData:
    """``periods`` of ``courses`` each; course codes number through."""
    blocks = tuple(
        period(f"Term {p + 1}", tuple(course(p * courses + c) for c in range(courses)))
        for p in range(periods)
    )
    total = sum(block.credits for block in blocks)
    base: dict[str, Any] = {
        "institution": "College of Testing",
        "student_name": "Amélie Łukaszewska-Nguyễn",
        "reg_no": "2021-CS-0042",
        "program": "BSc Computer Science",
        "batch": "2021",
        "status": "on_leave",
        "issued_on": date(2026, 11, 24),
        "periods": blocks,
        "credits": total,
        "credits_earned": total,
        "cgpa": Decimal("3.00") if blocks else None,
        "scale": SCALE,
    }
    return TranscriptData(**(base | changes))


def pages(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages]


def text(data: TranscriptData) -> str:
    return " ".join(pages(render(data)))


def test_every_figure_of_the_data_is_printed() -> None:
    odd = course(7, percent=Decimal("83.335"), letter="A+", points=Decimal(4), credits=0)
    data = transcript(periods=1, courses=3)
    data = data.model_copy(
        update={"periods": (*data.periods, period("Autumn 2030", (odd, course(8))))}
    )

    printed = text(data)

    for part in (
        "College of Testing",
        "Academic transcript",
        "Amélie Łukaszewska-Nguyễn",
        "2021-CS-0042",
        "BSc Computer Science",
        "On leave",
        "24 November 2026",
        "Page 1 of 1",
    ):
        assert part in printed
    for block in data.periods:
        assert block.name in printed
        assert f"Credits earned {block.credits_earned} of {block.credits} GPA 3.00" in printed
        for line in block.courses:
            row = (
                f"{line.code} {line.name} {line.credits} {line.percent:.2f} {line.letter}"
                f" {line.points:.2f}"
            )
            assert row in printed
    assert f"Cumulative GPA {data.cgpa}" in printed
    assert "A+ (4.00, 90), B (3.00, 75), F (0.00, 0)" in printed


def test_a_repeated_course_is_shown_and_explained() -> None:
    data = transcript(periods=0).model_copy(
        update={"periods": (period("Term 1", (course(1, counted=False), course(1))),)}
    )

    printed = text(data)

    assert printed.count("CS-001 Course number 1") == 2
    assert "Course number 1 (repeated) 3" in printed
    assert "a better attempt at the same course counts" in printed
    assert "(repeated)" not in text(transcript())


def test_without_results_the_document_says_so() -> None:
    printed = text(transcript(periods=0, batch=""))

    assert "No results had been released for this student by 24 November 2026." in printed
    assert "Cumulative GPA" not in printed


def test_table_headers_and_the_students_name_repeat_on_each_page() -> None:
    found = pages(render(transcript(periods=3, courses=45)))

    assert len(found) > 3
    for number, page in enumerate(found, start=1):
        assert f"Page {number} of {len(found)}" in page
        assert "Amélie Łukaszewska-Nguyễn" in page
        assert "Code Course Credits Percent Grade Points" in page


def test_the_longest_texts_the_database_holds_are_printed_in_full() -> None:
    name = ("Konstantinos Papadimitriou-Featherstonehaugh " * 6)[:255].strip()
    line = course(1, name="Ø" * 128, code="Ł" * 32)
    data = transcript(
        periods=0, student_name=name, reg_no="Ñ" * 32, program="Ž" * 128, batch="Ğ" * 128
    ).model_copy(update={"periods": (period("Š" * 128, (line,)),)})

    printed = text(data).replace(" ", "")

    assert name.replace(" ", "") in printed
    for letter, times in {"Ñ": 32, "Ž": 128, "Ğ": 128, "Š": 128, "Ø": 128, "Ł": 32}.items():
        assert printed.count(letter) == times


def test_markup_in_a_name_stays_text() -> None:
    name = '#panic() $x$ *b* `c` @ref \\ [d] "e" O\'Brien'

    assert name in text(transcript(student_name=name))


def test_the_same_data_gives_the_same_bytes_in_any_process() -> None:
    data = transcript(periods=2, courses=12)
    here = render(data)
    render(transcript(periods=1))
    program = (
        "import sys, hashlib; from sims_transcripts import TranscriptData, render;"
        "print(hashlib.sha256(render(TranscriptData.model_validate_json(sys.stdin.read())))"
        ".hexdigest())"
    )

    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        input=data.model_dump_json(),
        env={**os.environ, "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "LC_ALL": "C"},
        cwd=Path("/"),
        capture_output=True,
        text=True,
        check=True,
    )

    assert render(data) == here
    assert elsewhere.stdout.strip() == hashlib.sha256(here).hexdigest()


def test_other_data_gives_other_bytes() -> None:
    data = transcript()

    assert render(data) != render(data.model_copy(update={"cgpa": Decimal("2.99")}))
    assert render(data) != render(data.model_copy(update={"issued_on": date(2026, 11, 25)}))


def test_the_pdf_claims_its_standards_title_author_and_language() -> None:
    reader = PdfReader(BytesIO(render(transcript())))
    xmp = cast("StreamObject", reader.root_object["/Metadata"]).get_data().decode()

    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert reader.metadata is not None
    assert reader.metadata.title == "Academic transcript 2021-CS-0042"
    assert reader.metadata.author == "College of Testing"
    assert str(reader.metadata.creation_date).startswith("2026-11-24 00:00:00")
    assert str(reader.root_object["/Lang"]) == "en"
    assert str(cast("DictionaryObject", reader.root_object["/MarkInfo"])["/Marked"]) == "True"


def test_threads_may_render_at_once() -> None:
    documents = [transcript(student_name=f"Student {n}") for n in range(12)]
    alone = [render(data) for data in documents]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(render, documents)) == alone


@pytest.mark.parametrize("name", ["山田太郎", "smile \U0001f600", "private \ue000"])
def test_a_character_without_a_glyph_is_named_not_dropped(name: str) -> None:
    with pytest.raises(UnprintableText, match="cannot be printed"):
        render(transcript(student_name=name))


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60))
def test_any_name_is_printed_or_refused_by_name(name: str) -> None:
    try:
        pdf = render(transcript(periods=1, courses=1, student_name=name))
    except UnprintableText:
        return
    assert pdf.startswith(b"%PDF-1.7")


@given(st.text())
def test_cleaning_keeps_letters_and_settles_at_once(raw: str) -> None:
    cleaned = clean(raw)

    assert clean(cleaned) == cleaned
    assert "\n" not in cleaned
    assert [c for c in cleaned if c.isalnum()] == [c for c in clean(f" {raw} ") if c.isalnum()]


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Ame\u0301lie", "Amélie"),
        ("Ada\n\tLovelace ", "Ada Lovelace"),
        ("99\u202e42", "9942"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("soft\u00adhyphen\ufeff", "softhyphen"),
    ],
)
def test_cleaning(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned
