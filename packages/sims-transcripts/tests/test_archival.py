"""veraPDF, the reference validator, finds signed transcripts to be PDF/A-2a and PDF/UA-1."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from sims_transcripts import (
    CourseLine,
    GradeStep,
    Letterhead,
    PeriodBlock,
    Signatory,
    TranscriptData,
    Verification,
    render,
    signing,
)
from sims_transcripts.letterhead import logo_of

ROOT = Path(__file__).parents[3]
AT = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)
HAVE = shutil.which("java") is not None and shutil.which("mvn") is not None

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not HAVE and not os.environ.get("SIMS_REQUIRE_VERAPDF"), reason="no JDK and Maven here"
    ),
]


def transcript(name: str, courses: int) -> TranscriptData:
    lines = tuple(
        CourseLine(
            code=f"C-{n}", name=f"{name} {n}", credits=3, percent=Decimal("71.50"), letter="C+",
            points=Decimal("2.30"), counted=n % 5 > 0,
        )
        for n in range(courses)
    )  # fmt: skip
    half = courses // 2
    periods = tuple(
        PeriodBlock(name=name, courses=part, credits=9, credits_earned=9, gpa=Decimal("2.3"))
        for part in (lines[:half], lines[half:])
        if part
    )
    return TranscriptData(
        institution="College of Testing",
        student_name=name,
        reg_no="R-1",
        program="BSc",
        batch="2025",
        status="active",
        issued_on=date(2026, 11, 24),
        periods=periods,
        credits=9,
        credits_earned=9,
        cgpa=Decimal("2.30"),
        scale=(GradeStep(letter="A+", min_percent=Decimal(90), points=Decimal(4)),),
    )


def full_letterhead() -> Letterhead:
    logo = BytesIO()
    Image.new("RGBA", (90, 60), (11, 93, 74, 128)).save(logo, "PNG")
    return Letterhead(
        lines=("12 College Road",),
        logo=logo_of(logo.getvalue()),
        signatories=(
            Signatory(name="Dr Sana Malik", title="Registrar"),
            Signatory(name="پروفیسر احمد علی خان", title="ناظم امتحانات"),
        ),
        note="Small print.",
    )


def test_signed_transcripts_of_every_shape_comply(tmp_path: Path) -> None:
    identity = signing.load(*signing.self_signed("College of Testing", now=AT))
    check = Verification(
        url="https://sims.college.example/verify/3q2-7wAAABBBCCCDDDEEEFFFGGGHHHII",
        reference="7d9f2c1e", purpose="Employment", valid_until=AT,
    )  # fmt: skip
    documents = {
        "plain": render(transcript("Amina Yusuf", 6)),
        "empty": render(transcript("Amina Yusuf", 0), None, check),
        "many": render(transcript("Amélie Łukaszewska-Nguyễn", 120), full_letterhead(), check),
        "arabic": render(
            transcript("محمد عبداللہ بن یوسف الأنصاري", 8),
            full_letterhead(), check, demonstration=True,
        ),
    }  # fmt: skip
    for name, pdf in documents.items():
        signed = signing.sign(pdf, identity, at=AT, name="College of Testing")
        (tmp_path / f"{name}.pdf").write_bytes(signed)

    said = subprocess.run(
        [ROOT / "scripts" / "verapdf.sh", *sorted(tmp_path.glob("*.pdf"))],
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count("PASS 2a") == len(documents)
    assert said.stdout.count("PASS ua1") == len(documents)


def test_the_validator_finds_what_is_wrong(tmp_path: Path) -> None:
    """A validator that never says no would prove nothing."""
    pdf = render(transcript("Amina Yusuf", 2)).replace(b"<pdfaid:part>2<", b"<pdfaid:part>7<")
    (tmp_path / "wrong.pdf").write_bytes(pdf)

    said = subprocess.run(
        [ROOT / "scripts" / "verapdf.sh", tmp_path / "wrong.pdf"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 1, said.stdout + said.stderr
    assert "FAIL 2a" in said.stdout
