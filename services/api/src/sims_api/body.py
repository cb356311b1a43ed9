"""Reading JSON bodies strictly, before any schema sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json
from typing_extensions import override

from sims_common.errors import ValidationFailed


class StrictRequest(Request):
    """JSON without NaN, lone surrogates or NUL: what PostgreSQL could not store as text."""

    @override
    async def json(self) -> Any:
        body = await self.body()
        try:
            found = from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise json.JSONDecodeError(str(error), "", 0) from error
        if b"\\u0000" in body and _has_nul(found):
            raise ValidationFailed("The body holds a NUL character.", code="NUL_BYTE")
        return found


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for item in value.items() for part in item)
    return isinstance(value, list) and any(map(_has_nul, value))


class StrictRoute(APIRoute):
    """Route class of every router: see ``StrictRequest``."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict
