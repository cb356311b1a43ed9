"""Reading bodies strictly, before any schema sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from email.message import Message as Headers
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import HTTPException
from fastapi.params import Form
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.types import Message, Receive
from typing_extensions import override

from sims_api.auth.actor import claims_of
from sims_api.policy import Public, policies
from sims_api.settings import ApiSettings
from sims_common.errors import FieldError, SimsError, TooLarge, ValidationFailed

JSON = "application/json"
FORM = "multipart/form-data"


class UnsupportedMediaType(SimsError):
    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"
    title = "This media type is not understood"


class BodyRefused(HTTPException):
    """Carries the problem out of FastAPI's reading of the body, which hides other errors."""

    def __init__(self, problem: SimsError) -> None:
        super().__init__(problem.status)
        self.problem = problem


class StrictRequest(Request):
    """JSON as RFC 8259 recommends it: UTF-8, each name once, no NaN, no lone surrogates.

    NUL is refused too, since PostgreSQL cannot store it as text.
    """

    @override
    async def json(self) -> Any:
        body = await self.body()
        try:
            found = from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise _refused("JSON_INVALID", f"The body is not JSON: {error}.") from error
        if b"\\u0000" in body and _has_nul(found):
            raise _refused("NUL_BYTE", "The body holds a NUL character.")
        _refuse_duplicates(body)
        return found


def _refused(code: str, text: str) -> BodyRefused:
    return BodyRefused(ValidationFailed(text, code=code, errors=[FieldError("", code, text)]))


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for item in value.items() for part in item)
    return isinstance(value, list) and any(map(_has_nul, value))


def _refuse_duplicates(body: bytes) -> None:
    """Two readers of ``{"a": 1, "a": 2}`` disagree about ``a``; nobody shall gain by that."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise _refused("DUPLICATE_NAME", f"The body names {twice[:100]!r} twice.")
        return found

    json.loads(body, object_pairs_hook=once)


class StrictRoute(APIRoute):
    """Route class of every router: see ``StrictRequest``.

    A body over the limit is a 413 whether or not its length was announced, one of another
    media type a 415. Whoever is not signed in is told so before the body is read.
    ``form_limit`` names the setting with the limit of multipart bodies.
    """

    form_limit = "import_max_body"

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        wanted = self._media_type()
        public = any(isinstance(found, Public) for found in policies(self))

        async def strict(request: Request) -> Response:
            if wanted is None:
                return await handler(request)
            if not public:
                await claims_of(request)
            settings: ApiSettings = request.app.state.settings
            limit: int = getattr(settings, self.form_limit if wanted == FORM else "api_max_body")
            _check_headers(request, wanted, limit)
            return await handler(StrictRequest(request.scope, _limited(request.receive, limit)))

        return strict

    def _media_type(self) -> str | None:
        """What a body must be, or None for a route that reads none."""
        if self.body_field is None:
            return None
        is_form = isinstance(self.body_field.field_info, Form)
        return FORM if is_form else JSON


def _check_headers(request: Request, wanted: str, limit: int) -> None:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > len(str(limit)) or int(length) > limit):
        raise _too_large(limit)
    kind = request.headers.get("content-type")
    has_body = length not in ("", "0") or "transfer-encoding" in request.headers
    if kind is None and not has_body:
        return
    headers = Headers()
    headers["content-type"] = kind or "application/octet-stream"
    if headers.get_content_type() != wanted:
        raise UnsupportedMediaType(f"Send {wanted}.", headers={"Accept": wanted})
    if (headers.get_content_charset() or "utf-8") not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("Send UTF-8.", headers={"Accept": wanted})


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is over the limit of {limit} bytes; send less at once.")


def _limited(receive: Receive, limit: int) -> Receive:
    """Stops reading a body that grows over ``limit``: its length need not be announced."""
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise BodyRefused(_too_large(limit))
        return message

    return counted
