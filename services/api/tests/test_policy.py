"""Default deny: no route without a policy, and each policy holds for each role."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.routing import RouteContext
from pydantic import SecretStr
from services.api.tests.conftest import Api, problem_of
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles

from sims_api import openapi, policy
from sims_api.app import create_app
from sims_api.policy import Allowed, Authenticated, PolicyMissing, Public
from sims_api.settings import ApiSettings
from sims_core.domain.permissions import PERMISSIONS, ROLES

SETTINGS = ApiSettings(
    database_url=SecretStr("postgresql://nobody@127.0.0.1:1/nothing"),
    secret_key=SecretStr("x" * 32),
)


def answer() -> str:
    return "anything"


def plain(_request: object) -> PlainTextResponse:
    return PlainTextResponse("x")


async def socket(_websocket: WebSocket) -> None:
    """A websocket that asks nobody."""


def nested(_outer: Annotated[None, policy.public()]) -> None:
    """A dependency that carries a policy of its own."""


@pytest.mark.parametrize(
    ("add", "reason"),
    [
        (lambda app: app.get("/x/")(answer), "GET /x/: declare one policy"),
        (
            lambda app: app.get("/x/", dependencies=[policy.allow("no.such.permission")])(answer),
            "no such permission no.such.permission",
        ),
        (
            lambda app: app.get(
                "/x/", dependencies=[policy.allow("students.students.view", own="a.b.view_own")]
            )(answer),
            "no such permission a.b.view_own",
        ),
        (
            lambda app: app.get("/x/", dependencies=[policy.public(), policy.authenticated()])(
                answer
            ),
            "declare one policy",
        ),
        (
            lambda app: app.get("/x/", dependencies=[policy.authenticated(), Depends(nested)])(
                answer
            ),
            "declare one policy",
        ),
        (lambda app: app.mount("/x", StaticFiles(directory="/tmp")), "/x"),
        (lambda app: app.add_route("/x/", plain), "/x/"),
        (lambda app: app.add_api_websocket_route("/x/", socket), "/x/"),
        (lambda app: app.include_router(_router(), prefix="/api"), "GET /api/inner/"),
    ],
)
def test_a_route_without_a_known_policy_is_refused(
    add: Callable[[FastAPI], Any], reason: str
) -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    policy.enforce(app)
    add(app)
    with pytest.raises(PolicyMissing, match=reason):
        policy.enforce(app)


def _router() -> APIRouter:
    router = APIRouter()
    router.get("/inner/")(answer)
    return router


def test_the_application_does_not_start_with_such_a_route(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_app(SETTINGS)
    monkeypatch.setattr(openapi, "router", _router())
    with pytest.raises(PolicyMissing, match="GET /inner/"):
        create_app(SETTINGS)


def call(api: Api, route: RouteContext, method: str, token: str | None) -> httpx.Response:
    """The route, with ids that nobody has and a body that cannot succeed."""
    numbers = {"id": str(2**52), "student_id": str(2**52), "name": "nothing", "token": "A" * 43}
    numbers["session_id"] = str(uuid.uuid4())
    path = str(route.path)
    uuids = ("import", "requests", "batches/{id}/", "student-documents", "/jobs/", "/documents/")
    if any(part in path for part in uuids):
        numbers["id"] = str(uuid.uuid4()) if "academics" not in path else str(2**52)
    url = path.format(**numbers)
    client = api.client(token)
    uploads = url.endswith("/preview/") or url == "/api/student-documents/" or "/verify/" in url
    if method == "POST" and uploads:
        return client.post(url, files={"file": b"nothing"})
    return client.request(method, url, json={} if method in ("POST", "PATCH", "PUT") else None)


def expected(found: policy.Policy, role: str | None, *, signed_in: bool) -> int | None:
    """The status that the policy asks for; None: neither 401 nor 403."""
    if isinstance(found, Public):
        return None
    if not signed_in:
        return 401
    if isinstance(found, Authenticated) or role == "superuser":
        return None
    assert isinstance(found, Allowed)
    codes = {found.code, found.own} - {None}
    granted = {code for code, (_, roles) in PERMISSIONS.items() if role in roles}
    return None if codes & granted else 403


def test_every_role_on_every_route_gets_what_the_permissions_say(api: Api) -> None:
    cells = 0
    users: dict[str, Any] = {role: api.make.user(role) for role in ROLES}
    users["superuser"] = api.make.user(is_superuser=True)
    users["nobody"] = api.make.user()
    table = policy.routes(api.app)
    assert len({(route.path, *(route.methods or ())) for route in table}) == len(table)
    for route in table:
        (found,) = policy.policies(route)
        for method in route.methods or ():
            for role, user in {**users, "anonymous": None}.items():
                got = call(api, route, method, api.token(user) if user else None)
                wanted = expected(found, role, signed_in=user is not None)
                where = f"{role}: {method} {route.path} → {got.status_code} {got.text[:200]}"
                if wanted is None:
                    assert got.status_code not in (401, 403), where
                    assert got.status_code < 500 or "health" in str(route.path), where
                elif wanted == 401:
                    assert got.status_code == 401, where
                    problem_of(got, 401, "AUTH_REQUIRED")
                else:
                    assert got.status_code == 403, where
                    problem_of(got, 403, "PERMISSION_DENIED")
                cells += 1
    assert cells == len(table) * (len(ROLES) + 3)
    assert len(table) > 60


def test_each_permission_that_a_route_asks_for_is_granted_to_somebody_and_none_is_idle(
    api: Api,
) -> None:
    asked: set[str] = set()
    for route in policy.routes(api.app):
        for found in policy.policies(route):
            if isinstance(found, Allowed):
                asked |= {found.code} | ({found.own} if found.own else set())
    assert asked == set(PERMISSIONS)
    assert all(roles for _, roles in PERMISSIONS.values())


def test_only_sign_in_health_and_documentation_are_public(api: Api) -> None:
    public = {
        route.path
        for route in policy.routes(api.app)
        if isinstance(policy.policies(route)[0], Public)
    }
    assert public == {
        "/api/auth/login/",
        "/api/auth/refresh/",
        "/api/auth/set-password/",
        "/api/auth/token/",
        "/api/auth/token/refresh/",
        "/api/docs/",
        "/api/docs/assets/{name}/",
        "/api/health/",
        "/api/redoc/",
        "/api/schema/",
        "/api/timetable/feeds/{token}/",
        "/api/settings/public/",
        "/health/",
        "/healthz/",
        "/livez",
    }
