"""Errors as RFC 9457 problem+json, the same for every status from 400 up."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg import errors as pg
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from sims_common.errors import (
    Conflict,
    FieldError,
    NotFound,
    SimsError,
    TooLarge,
    Unavailable,
    ValidationFailed,
)
from sims_common.logs import get_logger, request_id
from sims_core.models import Base

log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemField(BaseModel):
    pointer: str = Field(description="JSON pointer into the body, or the parameter's name")
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457. ``code`` is stable and meant for programs, ``detail`` for people."""

    type: str = Field(examples=["urn:sims:problem:VALIDATION_ERROR"])
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[ProblemField] = []


def response(error: SimsError, instance: str) -> JSONResponse:
    """The answer to an expected failure."""
    body = {
        "type": f"urn:sims:problem:{error.error_code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.error_code,
        "request_id": request_id(),
        "errors": [e.as_dict() for e in error.errors],
        **error.extra,
    }
    return JSONResponse(body, error.status, media_type=MEDIA_TYPE, headers=error.headers)


def install(app: FastAPI) -> None:
    """Every exception that can leave a route, mapped once."""
    app.add_exception_handler(SimsError, _sims)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(IntegrityError, _integrity)
    app.add_exception_handler(StaleDataError, _stale)
    app.add_exception_handler(PoolTimeout, _busy)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(Exception, _unexpected)


async def _sims(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SimsError)  # noqa: S101 (the registration says so)
    return response(error, request.url.path)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = [
        FieldError(_pointer(problem["loc"]), problem["type"].upper(), problem["msg"])
        for problem in error.errors()
    ]
    names = ", ".join(dict.fromkeys(f.pointer for f in fields))
    return response(ValidationFailed(f"Correct {names}.", errors=fields), request.url.path)


def _pointer(location: Sequence[Any]) -> str:
    """``("body", "rows", 0)`` → ``/rows/0``; ``("query", "page")`` → ``page``."""
    where, *path = location
    if where != "body":
        return ".".join(str(part) for part in path) or str(where)
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path) or "/"


_CODES = {
    400: "BAD_REQUEST",
    401: "AUTH_REQUIRED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    phrase = HTTPStatus(error.status_code).phrase
    found = SimsError(
        str(error.detail or phrase),
        code=_CODES.get(error.status_code, phrase.upper().replace(" ", "_")),
        headers=dict(error.headers or {}),
    )
    found.status = error.status_code  # type: ignore[misc]  # a status of the framework's own
    found.title = phrase  # type: ignore[misc]
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        found = TooLarge("The request body is over the limit; send less at once.")
    return response(found, request.url.path)


async def _integrity(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, IntegrityError)  # noqa: S101
    return response(from_integrity_error(error), request.url.path)


def from_integrity_error(error: IntegrityError) -> SimsError:
    """What a broken constraint means to the caller: which field, and what to do."""
    diag = getattr(error.orig, "diag", None)
    name = getattr(diag, "constraint_name", None) or ""
    fields = _columns(name)
    pointer = f"/{fields[0]}" if fields else "/"
    match error.orig:
        case pg.UniqueViolation():
            text = f"{' and '.join(fields) or 'This value'} must be unique; it is taken."
            return Conflict(text, code="DUPLICATE", errors=[FieldError(pointer, "DUPLICATE", text)])
        case pg.ForeignKeyViolation() if "still referenced" in str(error.orig):
            return Conflict(
                "Other records refer to this one; remove or change them first.", code="IN_USE"
            )
        case pg.ForeignKeyViolation():
            text = f"{' and '.join(fields)} do not name an existing record that fits."
            return ValidationFailed(text, errors=[FieldError(pointer, "DOES_NOT_EXIST", text)])
        case _:
            text = f"The values break the rule {name or 'of the table'}."
            return ValidationFailed(text, errors=[FieldError(pointer, "RULE", text)])


def _columns(constraint: str) -> list[str]:
    """The fields that a constraint or unique index is about, named as in the API."""
    for table in Base.metadata.tables.values():
        for item in (*table.constraints, *table.indexes):
            if getattr(item, "name", None) == constraint:
                names = [c.name for c in getattr(item, "columns", ())]
                return [name.removesuffix("_id") for name in names]
    return []


async def _stale(request: Request, _error: Exception) -> JSONResponse:
    return response(
        Conflict("Somebody changed it at the same time; load it again.", code="CONCURRENT_UPDATE"),
        request.url.path,
    )


async def _busy(request: Request, _error: Exception) -> JSONResponse:
    log.warning("database pool exhausted")
    return response(
        Unavailable("Too many requests at once; try again shortly.", headers={"Retry-After": "2"}),
        request.url.path,
    )


async def _database(request: Request, error: Exception) -> JSONResponse:
    """Refused values are the caller's; a lost or overloaded database is ours."""
    assert isinstance(error, DBAPIError)  # noqa: S101
    if isinstance(error.orig, pg.DataError):
        log.warning("value refused by the database", kind=type(error.orig).__name__)
        return response(ValidationFailed("A value does not fit its column."), request.url.path)
    if isinstance(error, OperationalError) or error.connection_invalidated:
        log.error("database not available", kind=type(error.orig).__name__)
        away = Unavailable("The database is away; try again shortly.", headers={"Retry-After": "5"})
        return response(away, request.url.path)
    return await _unexpected(request, error)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", exc_info=error)
    return response(
        SimsError("Something went wrong on our side; quote the request_id when you report it."),
        request.url.path,
    )


def not_found(what: str) -> NotFound:
    """The same words for a row that is not there and one that is not yours."""
    return NotFound(f"There is no such {what}.")
