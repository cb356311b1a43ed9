"""Which passwords are good enough (ASVS 5.0 §6.2): length and guessability, no composition."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from zxcvbn import zxcvbn

from sims_common.errors import FieldError, ValidationFailed
from sims_core.passwords import MIN_LENGTH

LOOKED_AT = 72  # characters; what comes after them only helps
GOOD_ENOUGH = 3  # of 4: beyond 10**8 guesses

NewPassword = Annotated[
    str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})
]


def check(password: str, *about: str, pointer: str = "/new_password") -> None:
    """``about`` is what others know of the user. Raises ``ValidationFailed``."""
    if len(password) < MIN_LENGTH:
        raise _weak(f"It needs at least {MIN_LENGTH} characters.", "PASSWORD_TOO_SHORT", pointer)
    known = [part for text in about for part in (text, *text.replace("@", " ").split()) if part]
    found = zxcvbn(password[:LOOKED_AT], user_inputs=known)
    if found["score"] < GOOD_ENOUGH:
        reason = found["feedback"]["warning"] or "It is easily guessed."
        text = f"{reason.rstrip('.')}. Use several unrelated words."
        raise _weak(text, "PASSWORD_TOO_COMMON", pointer)


def _weak(text: str, code: str, pointer: str) -> ValidationFailed:
    return ValidationFailed(text, code=code, errors=[FieldError(pointer, code, text)])
