"""Ids of sets: docs/backup-format.md, section Identifier."""

from __future__ import annotations

import re
from datetime import UTC, datetime

SET_ID = re.compile(r"[A-Za-z0-9_-]+_\d{8}_\d{6}(_\d+)?")
PREFIX = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 120


def set_id(prefix: str, moment: datetime, number: int = 1) -> str:
    """``fmu_platform_20261124_020000``, in UTC; ``_2`` and so on for further ones.

    The same arguments give the same id: who repeats ``backup --id`` gets the same set.
    Raises ``ValueError`` for another prefix than letters, digits, - and _, or a naive time.
    """
    if not PREFIX.fullmatch(prefix) or len(prefix) > _LONGEST:
        raise ValueError(f"prefix {prefix!r}: use up to {_LONGEST} letters, digits, - and _")
    if moment.tzinfo is None:
        raise ValueError("the time of an id needs a time zone")
    base = f"{prefix}_{moment.astimezone(UTC):%Y%m%d_%H%M%S}"
    return base if number == 1 else f"{base}_{number}"
