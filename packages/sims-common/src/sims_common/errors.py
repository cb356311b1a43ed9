"""The error tree: raised at depth, rendered once at each edge.

The API turns a ``SimsError`` into RFC 9457 problem+json, the CLI into a line and an
exit code, the worker into a state of the job.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One wrong field: ``pointer`` is a JSON pointer into the input, such as ``/email``."""

    pointer: str
    code: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class SimsError(Exception):
    """Base of every expected failure.

    ``code`` is stable and meant for programs, ``detail`` for people: it says what to do.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: list[FieldError] | None = None,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.error_code = code or self.code
        self.errors = errors or []
        self.headers = headers or {}
        self.extra = extra


class ValidationFailed(SimsError):
    status = 400
    code = "VALIDATION_ERROR"
    title = "The input is not valid"


class NotAuthenticated(SimsError):
    status = 401
    code = "AUTH_REQUIRED"
    title = "Authentication required"


class PermissionDenied(SimsError):
    status = 403
    code = "PERMISSION_DENIED"
    title = "You may not do this"


class NotFound(SimsError):
    status = 404
    code = "NOT_FOUND"
    title = "Not found"


class Conflict(SimsError):
    status = 409
    code = "CONFLICT"
    title = "Conflict with what is stored"


class PreconditionFailed(SimsError):
    status = 412
    code = "VERSION_MISMATCH"
    title = "Somebody else changed it"


class TooLarge(SimsError):
    status = 413
    code = "TOO_LARGE"
    title = "The request is too large"


class PreconditionRequired(SimsError):
    status = 428
    code = "IF_MATCH_REQUIRED"
    title = "If-Match is required"


class TooManyRequests(SimsError):
    status = 429
    code = "RATE_LIMITED"
    title = "Too many requests"


class Unavailable(SimsError):
    status = 503
    code = "UNAVAILABLE"
    title = "Not available now"
