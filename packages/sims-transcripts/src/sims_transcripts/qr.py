"""QR codes as SVG."""

from __future__ import annotations

from io import BytesIO

import segno


def svg(text: str) -> str:
    """A QR code that survives a crease or a stain (error correction M), quiet zone included."""
    out = BytesIO()
    segno.make(text, error="m", micro=False, boost_error=False).save(
        out, kind="svg", border=4, xmldecl=False, nl=False, omitsize=True
    )
    return out.getvalue().decode("ascii")
