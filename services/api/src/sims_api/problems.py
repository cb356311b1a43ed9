"""Errors as RFC 9457 problem+json, the same for every status from 400 up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from psycopg import errors as pg
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from sims_api import broken_rules
from sims_api.body import BodyRefused
from sims_common.errors import (
    Conflict,
    FieldError,
    NotFound,
    SimsError,
    Unavailable,
    ValidationFailed,
)
from sims_common.logs import get_logger, request_id
from sims_core.models import Base

log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemField(BaseModel):
    pointer: str = Field(
        description="JSON pointer into the body (empty: all of it), or the parameter's name"
    )
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
    headers = dict(error.headers)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")  # RFC 9110 §15.5.2: every 401 says how
    return JSONResponse(body, error.status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Every exception that can leave a route, mapped once."""
    app.add_exception_handler(SimsError, _sims)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(BodyRefused, _body)
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
        FieldError(_pointer(problem["loc"]), problem["type"].upper(), _message(problem))
        for problem in error.errors()
    ]
    names = ", ".join(dict.fromkeys(f.pointer or "the body" for f in fields))
    return response(ValidationFailed(f"Correct {names}.", errors=fields), request.url.path)


def _pointer(location: Sequence[Any]) -> str:
    """``("body", "rows", 0)`` → ``/rows/0``; ``("query", "page")`` → ``page``."""
    where, *path = location
    if where != "body":
        return ".".join(str(part) for part in path) or str(where)
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _message(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "model_attributes_type":
        return "Send a JSON object."
    if problem["type"] == "extra_forbidden":
        return "There is no such field or parameter here."
    return str(problem["msg"]).removeprefix("Value error, ")


async def _body(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BodyRefused)  # noqa: S101
    return response(error.problem, request.url.path)


class MethodNotAllowed(SimsError):
    status = 405
    code = "METHOD_NOT_ALLOWED"
    title = "This address does not take this method"


async def _http(request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses itself: an unknown path, a method, a broken form."""
    assert isinstance(error, HTTPException)  # noqa: S101
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            found: SimsError = NotFound("There is nothing at this address.")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allow = ", ".join(_methods(request))
            found = MethodNotAllowed(f"Use one of {allow}.", headers={"Allow": allow})
        case HTTPStatus.BAD_REQUEST:
            found = ValidationFailed(str(error.detail), code="BAD_REQUEST")
        case _:
            return await _unexpected(request, error)
    return response(found, request.url.path)


def _methods(request: Request) -> list[str]:
    """Of all routes at this path: each of them is a route of its own to the framework."""
    path = getattr(request.scope.get("route"), "path", None)
    same = (route for route in iter_route_contexts(request.app.routes) if route.path == path)
    return sorted({method for route in same for method in route.methods or ()})


async def _integrity(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, IntegrityError)  # noqa: S101
    return response(from_integrity_error(error), request.url.path)


def from_integrity_error(error: IntegrityError) -> SimsError:
    """What a broken constraint means to the caller: which field, and what to do."""
    diag = getattr(error.orig, "diag", None)
    name = getattr(diag, "constraint_name", None) or ""
    referred = isinstance(error.orig, pg.ForeignKeyViolation) and _is_referred_to(error)
    if name in broken_rules.MEANING and not referred:
        return broken_rules.MEANING[name](getattr(diag, "message_detail", None) or "")
    fields = _columns(name)
    pointer = f"/{fields[0]}" if fields else ""
    match error.orig:
        case pg.UniqueViolation():
            text = f"{' and '.join(fields) or 'This value'} must be unique; it is taken."
            together = [FieldError(f"/{name}", "DUPLICATE", text) for name in fields]
            return Conflict(
                text, code="DUPLICATE", errors=together or [FieldError("", "DUPLICATE", text)]
            )
        case pg.ForeignKeyViolation() if referred:
            return Conflict(
                "Other records refer to this one; remove or change them first.", code="IN_USE"
            )
        case pg.ForeignKeyViolation():
            text = f"{' and '.join(fields)} do not name an existing record that fits."
            return ValidationFailed(text, errors=[FieldError(pointer, "DOES_NOT_EXIST", text)])
        case _:
            text = f"The values break the rule {name or 'of the table'}."
            return ValidationFailed(text, errors=[FieldError(pointer, "RULE", text)])


def _is_referred_to(error: IntegrityError) -> bool:
    """Whether others need the row as it was; else it is the row that names what is not there.

    Told by the statement and the table that refers: the server's words depend on its language.
    """
    changed = re.match(r"\s*(DELETE FROM|UPDATE) (\w+)", error.statement or "")
    diag = getattr(error.orig, "diag", None)
    return changed is not None and (
        changed[1] == "DELETE FROM" or changed[2] != getattr(diag, "table_name", None)
    )


def _columns(constraint: str) -> list[str]:
    """The fields that a constraint or unique index is about, named as in the API."""
    for table in Base.metadata.tables.values():
        for item in (*table.constraints, *table.indexes):
            if getattr(item, "name", None) == constraint:
                names = [c.name for c in getattr(item, "columns", ())]
                return [name.removesuffix("_id") for name in names]
    return []


async def _stale(request: Request, _error: Exception) -> JSONResponse:
    return response(_concurrent(), request.url.path)


def _concurrent() -> Conflict:
    return Conflict(
        "Somebody changed it at the same time; load it again.", code="CONCURRENT_UPDATE"
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
    kind = type(error.orig).__name__
    match error.orig:
        case pg.DataError():
            log.warning("value refused by the database", kind=kind)
            found: SimsError = ValidationFailed("A value does not fit its column.")
        case pg.DeadlockDetected() | pg.SerializationFailure() | pg.LockNotAvailable():
            log.warning("concurrent transactions", kind=kind)
            found = _concurrent()
        case pg.QueryCanceled():
            log.error("statement took too long", kind=kind)
            found = _away("This took too long; ask for less, or try again later.")
        case _ if isinstance(error, OperationalError) or error.connection_invalidated:
            log.error("database not available", kind=kind)
            found = _away("The database is away; try again shortly.")
        case _:
            return await _unexpected(request, error)
    return response(found, request.url.path)


def _away(text: str) -> Unavailable:
    return Unavailable(text, headers={"Retry-After": "5"})


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    return unexpected(request.url.path, error)


def unexpected(instance: str, error: Exception) -> JSONResponse:
    """The answer to our own mistake; what it was is in the log under the request's id."""
    log.error("unexpected error", exc_info=error)
    text = "Something went wrong on our side; quote the request_id when you report it."
    return response(SimsError(text), instance)


def not_found(what: str) -> NotFound:
    """The same words for a row that is not there and one that is not yours."""
    return NotFound(f"There is no such {what}.")
