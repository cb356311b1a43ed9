"""Failures that a user can act on, as one message and an exit code. The rest are bugs."""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass
from typing import NoReturn

from sims_cli.exit_codes import Exit


@dataclass(frozen=True)
class Failure:
    message: str
    exit_code: Exit


def explain(error: Exception) -> Failure | None:
    """None for an error that nobody expects: its traceback is then what helps."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return Failure(f"The disk is full: {error.filename or error}", Exit.FAILED)
    kind = next(filter(None, map(_library, type(error).__mro__)), "")
    match kind:
        case "SimsError":
            return Failure(str(error), Exit.FAILED)
        case "database":
            return Failure(
                f"The database does not answer: {_first_line(error)}\n"
                "Start it (`sims up` runs one here) or correct SIMS_DATABASE_URL.",
                Exit.UNAVAILABLE,
            )
        case "redis":
            return Failure(
                f"Redis does not answer: {_first_line(error)}\n"
                "Start it (`sims up` runs one here) or correct SIMS_REDIS_URL.",
                Exit.UNAVAILABLE,
            )
        case _:
            return None


def _library(cls: type) -> str:
    """By name, so that a quick command need not import the libraries to compare with."""
    return {
        ("sims_common.errors", "SimsError"): "SimsError",
        ("sqlalchemy.exc", "OperationalError"): "database",
        ("psycopg", "OperationalError"): "database",
        ("redis.exceptions", "ConnectionError"): "redis",
        ("redis.exceptions", "TimeoutError"): "redis",
    }.get((cls.__module__, cls.__name__), "")


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(error).__name__


def refuse(message: str, exit_code: Exit = Exit.FAILED) -> NoReturn:
    """Ends the command with ``message``."""
    sys.stderr.write(f"sims: {message}\n")
    raise SystemExit(exit_code)
