"""Texts as a document may show them."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # Persian and Indic spelling needs them
_SEPARATORS = ("Cc", "Zl", "Zp")  # control characters, line and paragraph separators


def clean(text: str) -> str:
    """``text`` on one line, composed (NFC), without invisible marks.

    Marks that change the direction of writing (U+202A and its kin) could make a number read
    backwards, so they go; letters are never changed.
    """
    composed = unicodedata.normalize("NFC", text)
    shown = (" " if unicodedata.category(c) in _SEPARATORS else c for c in composed if _visible(c))
    return " ".join("".join(shown).split())


def _visible(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) != "Cf"
