"""Typst draws the document: PDF/A-2a for the archive, PDF/UA-1 for every reader.

The same data gives the same bytes: the document's date is ``issued_on``, the fonts are those
inside the Typst wheel and this package, and nothing else of the machine enters.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import typst

from sims_transcripts import qr
from sims_transcripts.data import (
    CourseLine,
    GradeStep,
    PeriodBlock,
    TranscriptData,
    Verification,
)
from sims_transcripts.letterhead import Letterhead, Signatory
from sims_transcripts.text import clean, right_to_left

PDF_STANDARDS: list[typst.PDFStandard] = ["a-2a", "ua-1"]
NONE = "–"
_TEMPLATES = Path(__file__).parent / "templates"
_FONTS = Path(__file__).parent / "fonts"

# A compiler serves one call at a time; it lets go of the GIL while it works.
_lock = threading.Lock()


class UnprintableText(ValueError):
    """A text of the document holds a character that none of the fonts can show.

    Nothing is drawn then: a transcript with a gap in somebody's name is worth nothing.
    """


def render(
    data: TranscriptData,
    letterhead: Letterhead | None = None,
    verification: Verification | None = None,
    *,
    demonstration: bool = False,
) -> bytes:
    """The transcript as PDF. Safe to call from several threads.

    Without ``verification`` there is no QR code. ``demonstration`` says on each page that the
    document is none of an institution's. Raises ``UnprintableText`` with the character in
    question.
    """
    issued_at = datetime.combine(data.issued_on, time(), UTC)
    shown = content(data, letterhead or Letterhead(), verification, demonstration=demonstration)
    try:
        with _lock:
            drawn = _compiler().compile(
                sys_inputs={"data": json.dumps(shown, ensure_ascii=False)},
                format="pdf",
                pdf_standards=PDF_STANDARDS,
                timestamp=int(issued_at.timestamp()),
            )
    except typst.TypstError as error:
        if "could not be displayed" in error.message or "codepoint" in error.message:
            raise UnprintableText(f"The transcript cannot be printed: {error.message}") from error
        raise
    if not isinstance(drawn, bytes):
        raise TypeError(f"Typst returned {type(drawn).__name__} for a PDF")
    return drawn


@cache
def _compiler() -> typst.Compiler:
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[_FONTS])
    template = _TEMPLATES / "transcript.typ"
    return typst.Compiler(template, _TEMPLATES, fonts, ignore_system_fonts=True)


def content(
    data: TranscriptData,
    letterhead: Letterhead,
    verification: Verification | None,
    *,
    demonstration: bool,
) -> dict[str, Any]:
    """What the template prints: texts cleaned, figures formatted."""
    lines = [line for period in data.periods for line in period.courses]
    return {
        "letterhead": _letterhead(letterhead, data.institution),
        "student_name": _said(data.student_name),
        "reg_no": clean(data.reg_no),
        "program": _said(data.program),
        "batch": _said(data.batch or NONE),
        "status": clean(data.status).replace("_", " ").capitalize(),
        "issued": {
            "year": data.issued_on.year,
            "month": data.issued_on.month,
            "day": data.issued_on.day,
        },
        "periods": [_period(period) for period in data.periods],
        "repeated": any(not line.counted for line in lines),
        "credits": str(data.credits),
        "credits_earned": str(data.credits_earned),
        "cgpa": _two_places(data.cgpa),
        "scale": [_step(step) for step in data.scale],
        "verification": None if verification is None else _verification(verification),
        "demonstration": demonstration,
    }


def _said(text: str) -> dict[str, Any]:
    """A text of people, who write from the left or from the right."""
    cleaned = clean(text)
    return {"text": cleaned, "rtl": right_to_left(cleaned)}


def _letterhead(letterhead: Letterhead, institution: str) -> dict[str, Any]:
    return {
        "name": _said(letterhead.name or institution),
        "lines": [_said(line) for line in letterhead.lines],
        "colour": letterhead.colour,
        "logo": letterhead.logo,
        "logo_description": clean(letterhead.logo_description)
        or f"Logo of {clean(letterhead.name or institution)}",
        "signatories": [_signatory(signatory) for signatory in letterhead.signatories],
        "note": clean(letterhead.note),
    }


def _signatory(signatory: Signatory) -> dict[str, Any]:
    return {"name": _said(signatory.name), "title": _said(signatory.title)}


def _verification(verification: Verification) -> dict[str, Any]:
    until = verification.valid_until
    zone = until.tzname() or "UTC"
    return {
        "url": verification.url,
        "qr": qr.svg(verification.url),
        "reference": verification.reference,
        "purpose": clean(verification.purpose),
        "valid_until": f"{until.day} {until:%B %Y}, {until:%H:%M} {zone}",
    }


def _period(period: PeriodBlock) -> dict[str, Any]:
    return {
        "name": _said(period.name),
        "courses": [_course(line) for line in period.courses],
        "credits": str(period.credits),
        "credits_earned": str(period.credits_earned),
        "gpa": _two_places(period.gpa),
    }


def _course(line: CourseLine) -> dict[str, Any]:
    return {
        "code": clean(line.code),
        "name": _said(line.name),
        "credits": str(line.credits),
        "percent": _two_places(line.percent),
        "letter": clean(line.letter) or NONE,
        "points": _two_places(line.points),
        "counted": line.counted,
    }


def _step(step: GradeStep) -> dict[str, str]:
    percent = f"{step.min_percent:f}"
    return {
        "letter": clean(step.letter),
        "min_percent": percent.rstrip("0").rstrip(".") if "." in percent else percent,
        "points": _two_places(step.points),
    }


def _two_places(figure: Decimal | None) -> str:
    return NONE if figure is None else f"{figure:.2f}"
