"""Who may call what: each route declares it, and a route that does not stops the start.

A permission is data (role × permission). Its ``own`` form reaches only rows of the actor;
which rows those are is said once per domain, in its ``scope``. A row out of scope is a 404:
to whom it does not belong it does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from sims_api.auth.actor import Actor, CurrentActor
from sims_common.errors import PermissionDenied
from sims_core.domain.permissions import PERMISSIONS


class Policy:
    """Marks the dependency that decides about a route."""


class Public(Policy):
    """Anybody may call it, without a token."""

    async def __call__(self) -> None:
        return None


@dataclass(frozen=True)
class Authenticated(Policy):
    """Anybody who is signed in; with ``even_to_change`` also who must change the password."""

    even_to_change: bool = False

    async def __call__(self, actor: CurrentActor) -> Actor:
        if not self.even_to_change:
            _refuse_before_change(actor)
        return actor


def _refuse_before_change(actor: Actor) -> None:
    if actor.must_change_password:
        raise PermissionDenied(
            "Change your password first: POST /api/auth/change-password/.",
            code="PASSWORD_CHANGE_REQUIRED",
        )


@dataclass(frozen=True)
class Allowed(Policy):
    """Who has ``code``, or ``own`` for the own rows; returns the actor."""

    code: str
    own: str | None = None

    async def __call__(self, actor: CurrentActor) -> Actor:
        _refuse_before_change(actor)
        if actor.can(self.code) or (self.own is not None and actor.can(self.own)):
            return actor
        raise PermissionDenied(f"This needs the permission {self.code}.")


def public() -> Any:
    return Depends(Public())


def authenticated(*, even_to_change: bool = False) -> Any:
    return Depends(Authenticated(even_to_change))


def allow(code: str, own: str | None = None) -> Any:
    return Depends(Allowed(code, own))


class PolicyMissing(RuntimeError):
    """A route without a policy, or one that names a permission that does not exist."""


def policies(route: RouteContext | APIRoute) -> list[Policy]:
    return [found for found in _calls(route.dependant) if isinstance(found, Policy)]


def _calls(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def routes(app: FastAPI) -> list[RouteContext]:
    """Every route with its whole path, those of included routers too."""
    return [
        found
        for found in iter_route_contexts(app.routes)
        if isinstance(found.original_route, APIRoute)
    ]


def enforce(app: FastAPI) -> None:
    """Raises ``PolicyMissing`` unless every route has exactly one policy with known names.

    Mounts, websockets and plain Starlette routes cannot declare one, so there are none.
    """
    for other in iter_route_contexts(app.routes):
        if not isinstance(other.original_route, APIRoute):
            raise PolicyMissing(f"{other.path}: only routes that declare a policy are served")
    for route in routes(app):
        where = f"{','.join(sorted(route.methods or ()))} {route.path}"
        found = policies(route)
        if len(found) != 1:
            raise PolicyMissing(f"{where}: declare one policy (public, authenticated or allow)")
        if isinstance(found[0], Allowed):
            unknown = {found[0].code, found[0].own or found[0].code} - PERMISSIONS.keys()
            if unknown:
                raise PolicyMissing(f"{where}: no such permission {', '.join(unknown)}")
