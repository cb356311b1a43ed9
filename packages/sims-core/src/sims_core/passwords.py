"""Password hashes (argon2id) and generated passwords."""

from __future__ import annotations

import secrets
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

MIN_LENGTH = 12  # ASVS 6.2.1
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing to misread


@cache
def _hasher() -> PasswordHash:
    # OWASP's second argon2id profile: 19 MiB keeps a login storm inside a pod's memory.
    return PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))


def hash_password(password: str) -> str:
    return _hasher().hash(password)


def verify(password: str, hashed: str) -> tuple[bool, str | None]:
    """(right?, a better hash when the parameters have changed since).

    What is no hash (an account that has no password yet) is as wrong and takes as long.
    """
    try:
        return _hasher().verify_and_update(password, hashed)
    except UnknownHashError:
        _hasher().verify(password, decoy())
        return False, None


def generate(length: int = 16) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@cache
def decoy() -> str:
    """A hash of nothing anyone knows: an unknown user costs the same time as a known one."""
    return hash_password(secrets.token_urlsafe(32))
