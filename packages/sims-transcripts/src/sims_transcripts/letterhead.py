"""How an institution's documents look: names, colour, logo, who signs. Settings, not code."""

from __future__ import annotations

import base64
import re
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

LARGEST_LOGO = 512 * 1024  # bytes: it is in every document
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3: text on white

_FRAME = re.compile(rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf].{3}(.{2})(.{2})", re.DOTALL)
_SVG, _PNG, _JPEG = b"<svg", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def _readable(colour: str) -> str:
    found = contrast_on_white(colour)
    if found < LEAST_CONTRAST:
        raise ValueError(
            f"{colour} is too pale on white (contrast {found:.1f}, at least {LEAST_CONTRAST})"
        )
    return colour


def contrast_on_white(colour: str) -> float:
    """Contrast ratio of ``#rrggbb`` to white, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]  # noqa: PLR2004 (sRGB)
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def _svg_of(logo: str) -> str:
    """An SVG as it is; ``data`` of another picture is refused where it is made (``logo_of``)."""
    if logo and "<svg" not in logo[:2000]:
        raise ValueError("must be an SVG document")
    return logo


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=160)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Signatory(_Settings):
    """Who stands for the document, as printed below its results."""

    name: Line
    title: Line


class Letterhead(_Settings):
    """Everything that differs between institutions.

    ``name`` empty: the installation's institution name. ``logo`` is an SVG text, which may
    hold a PNG or JPEG (``logo_of`` makes it of a file).
    """

    name: str = Field("", max_length=160)
    lines: tuple[Line, ...] = Field((), max_length=4, description="address, telephone, site")
    colour: Annotated[
        str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$"), AfterValidator(_readable)
    ] = "#1f3a5f"
    logo: Annotated[str, AfterValidator(_svg_of)] = Field("", max_length=2 * LARGEST_LOGO)
    logo_description: str = Field("", max_length=160, description="read out in its place")
    signatories: tuple[Signatory, ...] = Field((), max_length=4)
    note: str = Field("", max_length=400, description="small print on the last page")


def logo_of(content: bytes) -> str:
    """An SVG of an SVG, PNG or JPEG file. Raises ``ValueError`` for anything else."""
    if len(content) > LARGEST_LOGO:
        raise ValueError(f"the logo has {len(content)} bytes; at most {LARGEST_LOGO} are taken")
    if content.startswith(_PNG):
        return _wrapped(content, "image/png", *_png_size(content))
    if content.startswith(_JPEG):
        return _wrapped(content, "image/jpeg", *_jpeg_size(content))
    if _SVG in content[:2000]:
        return content.decode("utf-8")
    raise ValueError("the logo must be an SVG, PNG or JPEG file")


def load(text: str) -> Letterhead:
    """A letterhead from TOML; ``logo`` there is the path of a file.

    Raises ``ValueError`` with what is wrong, ``OSError`` when the logo cannot be read.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from error
    if path := values.get("logo"):
        values["logo"] = logo_of(Path(str(path)).read_bytes())
    return Letterhead.model_validate(values)


def _wrapped(content: bytes, kind: str, width: int, height: int) -> str:
    data = base64.b64encode(content).decode("ascii")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}"><image width="{width}" height="{height}"'
        f' href="data:{kind};base64,{data}"/></svg>'
    )


def _png_size(content: bytes) -> tuple[int, int]:
    """Width and height (PNG, 11.2.2: the IHDR chunk comes first)."""
    if len(content) < 24:  # noqa: PLR2004
        raise ValueError("the PNG is cut short")
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Width and height from the first start-of-frame segment (ITU T.81, B.2.2)."""
    frame = _FRAME.search(content)
    if frame is None:
        raise ValueError("the JPEG has no frame")
    return int.from_bytes(frame[2]), int.from_bytes(frame[1])
