"""Cursors: where a page ends, as a text that clients send back."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sims_api.listing import Listing
from sims_common.errors import FieldError, ValidationFailed

_DIRECTIONS: dict[str, Literal["next", "previous"]] = {"n": "next", "p": "previous"}


@dataclass(frozen=True)
class Cursor:
    """A place between two rows: the key of the row next to it, and where to go from there."""

    ordering: str
    values: tuple[Any, ...]
    direction: Literal["next", "previous"]

    def encode(self) -> str:
        plain = [self.ordering, self.direction[0], *map(_plain, self.values)]
        text = json.dumps(plain, ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, listing: Listing, ordering: str) -> Cursor:
        """Raises ``ValidationFailed`` unless the cursor was made for this list and order."""
        try:
            padded = text + "=" * (-len(text) % 4)
            name, way, *values = json.loads(base64.b64decode(padded, b"-_", validate=True))
            key = listing.ordering(ordering).key()
            typed = tuple(_typed(v, c.type.python_type) for v, c in zip(values, key, strict=True))
            direction = _DIRECTIONS[way]
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            raise _bad_cursor() from None
        if name != ordering:
            raise _bad_cursor()
        return cls(name, typed, direction)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _typed(value: Any, kind: type) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is date:
        return date.fromisoformat(value)
    if kind is uuid.UUID:
        return uuid.UUID(value)
    whole = isinstance(value, int) and -(2**63) <= value < 2**63
    storable = isinstance(value, str) and b"\0" not in value.encode()  # fails on a surrogate
    if type(value) is not kind or not (whole or storable):
        raise ValueError
    return value


def _bad_cursor() -> ValidationFailed:
    text = "This cursor does not belong to this list and ordering; start without one."
    return ValidationFailed(text, errors=[FieldError("cursor", "INVALID_CURSOR", text)])
