"""Texts as a document may show them."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # Persian and Indic spelling needs them
_SEPARATORS = ("Cc", "Zl", "Zp")  # control characters, line and paragraph separators
_RIGHT_TO_LEFT = ("R", "AL")


def clean(text: str) -> str:
    """``text`` on one line, composed (NFC), without invisible marks.

    Marks that change the direction of writing (U+202A and its kin) could make a number read
    backwards, so they go; letters are never changed.
    """
    composed = unicodedata.normalize("NFC", text)
    shown = (" " if unicodedata.category(c) in _SEPARATORS else c for c in composed if _visible(c))
    return " ".join("".join(shown).split())


def right_to_left(text: str) -> bool:
    """The paragraph's direction: that of its first strong letter (UAX #9, rules P2 and P3)."""
    strong = (unicodedata.bidirectional(character) for character in text)
    first = next((kind for kind in strong if kind in ("L", *_RIGHT_TO_LEFT)), "L")
    return first in _RIGHT_TO_LEFT


def _visible(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) != "Cf"
