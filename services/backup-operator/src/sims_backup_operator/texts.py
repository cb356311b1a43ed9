"""Amounts as people read them in columns and messages."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_KIB = 1024.0


def size(amount: float) -> str:
    """``12.3 MiB``; ``amount`` in bytes."""
    unit = 0
    while amount >= _KIB and unit < len(_UNITS) - 1:
        amount /= _KIB
        unit += 1
    return f"{amount:.{1 if unit else 0}f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """``0.8s``, ``3m12s``, ``2h05m``"""
    if seconds < 60:  # noqa: PLR2004  a minute
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"


def short(text: str, limit: int = 1000) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
