"""What an institution may set about its documents, and what it is told when that cannot be."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import pytest
import zxingcpp
from PIL import Image
from pydantic import ValidationError

from sims_transcripts import (
    CourseLine,
    Letterhead,
    PeriodBlock,
    Signatory,
    TranscriptData,
    Verification,
    render,
)
from sims_transcripts.letterhead import LARGEST_LOGO, contrast_on_white, load, logo_of
from sims_transcripts.text import right_to_left

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" width="10" height="10">'
    '<circle cx="5" cy="5" r="5" fill="#aa0000"/></svg>'
)
URL = "https://sims.college.example/verify/3q2-7wAAABBBCCCDDDEEEFFFGGGHHHII"


def transcript(name: str = "Amina Yusuf", *lines: CourseLine) -> TranscriptData:
    period = PeriodBlock(
        name="Fall 2025", courses=lines, credits=0, credits_earned=0, gpa=Decimal("2.10")
    )
    return TranscriptData(
        institution="College of Testing",
        student_name=name,
        reg_no="R-1",
        program="Arabic and Urdu",
        batch="2025",
        status="active",
        issued_on=date(2026, 11, 24),
        periods=(period,) if lines else (),
        credits=0,
        credits_earned=0,
        cgpa=None,
    )


def verification() -> Verification:
    return Verification(
        url=URL,
        reference="7d9f2c1e",
        purpose="Employment",
        valid_until=datetime(2026, 12, 24, 14, 5, tzinfo=UTC),
    )


def shown(pdf: bytes) -> str:
    """The text of the first page as a reader copies it, each word once."""
    with pypdfium2.PdfDocument(pdf) as document:
        return " ".join(document[0].get_textpage().get_text_range().split())


def picture(pdf: bytes) -> Image.Image:
    with pypdfium2.PdfDocument(pdf) as document:
        drawn: Image.Image = document[0].render(scale=3).to_pil()
        return drawn


def png(colour: tuple[int, int, int], size: tuple[int, int] = (40, 20)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def colours(image: Image.Image) -> set[tuple[int, ...]]:
    return {pixel for _, pixel in image.convert("RGB").getcolors(1 << 24) or ()}  # type: ignore[misc]


def test_the_letterhead_names_the_institution_its_address_and_who_signs() -> None:
    head = Letterhead(
        name="University of Testing",
        lines=("12 College Road", "registrar@college.example"),
        signatories=(Signatory(name="Dr Sana Malik", title="Registrar"),),
        note="Printed in duplicate.",
    )

    text = shown(render(transcript(), head))

    for part in (
        "University of Testing",
        "12 College Road",
        "registrar@college.example",
        "Dr Sana Malik",
        "Registrar",
        "Printed in duplicate.",
    ):
        assert part in text
    assert "College of Testing" not in text


def test_logo_and_colour_are_on_the_page() -> None:
    head = Letterhead(colour="#0b5d4a", logo=logo_of(png((200, 30, 90))))

    found = colours(picture(render(transcript(), head)))

    assert (200, 30, 90) in found
    assert (0x0B, 0x5D, 0x4A) in found
    assert (0x1F, 0x3A, 0x5F) not in found


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_keeps_its_shape(kind: str) -> None:
    out = BytesIO()
    Image.new("RGB", (120, 60), (10, 20, 200)).save(out, kind)

    svg = logo_of(out.getvalue())

    assert 'viewBox="0 0 120 60"' in svg
    assert render(transcript(), Letterhead(logo=svg)).startswith(b"%PDF")


def test_a_wide_logo_leaves_room_for_the_names() -> None:
    head = Letterhead(logo=logo_of(png((200, 30, 90), (1000, 40))))
    image = picture(render(transcript(), head)).convert("RGB")

    pink = [x for x in range(image.width) if (200, 30, 90) in
            {image.getpixel((x, y)) for y in range(image.height // 4)}]  # fmt: skip

    assert 0 < len(pink) < image.width * 61 / 210  # 60 mm of a page 210 mm wide


def test_the_qr_code_on_the_page_is_the_address_of_the_verification() -> None:
    pdf = render(transcript(), None, verification())

    assert [code.text for code in zxingcpp.read_barcodes(picture(pdf))] == [URL]
    text = shown(pdf)
    assert URL in text
    assert "Issued for: Employment. Can be verified until 24 December 2026, 14:05 UTC." in text
    assert zxingcpp.read_barcodes(picture(render(transcript()))) == []


def test_a_demonstration_says_so_on_the_page() -> None:
    said = "Demonstration, not official"

    assert shown(render(transcript(), demonstration=True)).count(said) == 2
    assert said not in shown(render(transcript()))


@pytest.mark.parametrize(
    "name",
    [
        "محمد عبداللہ بن یوسف الأنصاري",
        "پروفیسر احمد علی خان",
        "عائشة بنت خالد",
        "گیلانی ٹھٹھہ ڑے",
        "Amina یوسف Khan",
        "فاطمة (Fatima) الزهراء",
    ],
)
def test_arabic_and_urdu_names_are_drawn_and_copied_word_by_word(name: str) -> None:
    line = CourseLine(code="U-1", name=name, credits=3, letter="A")
    head = Letterhead(name=name, signatories=(Signatory(name=name, title="Registrar"),))

    text = shown(render(transcript(name, line), head))

    for word in name.replace("(", "").replace(")", "").split():  # readers differ about brackets
        assert text.count(word) >= 4, text


def test_any_combination_of_what_a_course_has_is_a_full_row() -> None:
    given = {"percent": Decimal("71.50"), "letter": "C+", "points": Decimal("2.30")}
    printed = {"percent": "71.50", "letter": "C+", "points": "2.30"}
    for mask in range(8):
        names = [name for bit, name in enumerate(given) if mask >> bit & 1]
        line = CourseLine(
            code="M-1", name="Anatomy", credits=4, **{name: given[name] for name in names}
        )
        row = " ".join(printed[name] if name in names else "–" for name in given)
        assert f"M-1 Anatomy 4 {row}" in shown(render(transcript("A", line)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("یوسف 12", True), ("12 یوسف Khan", True), ("Khan یوسف", False), ("2025", False), ("", False)],
)
def test_the_first_strong_letter_decides_the_direction(text: str, *, expected: bool) -> None:
    assert right_to_left(text) is expected


def test_a_letterhead_comes_from_a_file_with_its_logo(tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text(SVG)

    head = load(
        f'name = "College"\ncolour = "#0b5d4a"\nlogo = "{logo}"\n'
        'lines = ["12 College Road"]\n[[signatories]]\nname = "A. B."\ntitle = "Registrar"\n'
    )

    assert head.logo == SVG
    assert head.signatories == (Signatory(name="A. B.", title="Registrar"),)
    assert load("") == Letterhead()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('colour = "#ffff99"', "too pale on white"),
        ('colour = "green"', "pattern"),
        ("name =", "not TOML"),
        ('nmae = "College"', "Extra inputs"),
        ('lines = ["a", "b", "c", "d", "e"]', "at most 4"),
        ('[[signatories]]\nname = "A"', "Field required"),
    ],
)
def test_a_wrong_setting_is_named(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        load(text)


def test_a_logo_of_another_kind_or_size_is_refused() -> None:
    with pytest.raises(ValueError, match="SVG, PNG or JPEG"):
        logo_of(b"GIF89a")
    with pytest.raises(ValueError, match="at most"):
        logo_of(png((1, 2, 3)) + b"\0" * LARGEST_LOGO)
    with pytest.raises(ValidationError, match="SVG document"):
        Letterhead(logo="no picture")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast_on_white("#000000") == pytest.approx(21)
    assert contrast_on_white("#ffffff") == pytest.approx(1)
    assert contrast_on_white("#767676") == pytest.approx(4.54, abs=0.01)
