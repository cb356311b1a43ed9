"""OpenAPI at /api/schema/, Swagger UI and Redoc from our own files, working offline."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import RouteContext

from sims_api import problems
from sims_api.policy import Authenticated, Public, policies, public
from sims_api.policy import routes as api_routes
from sims_common.version import app_version

router = APIRouter(include_in_schema=False)

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'"
)
_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
    "favicon.png": "image/png",
}
_SWAGGER_START = """SwaggerUIBundle({url: "/api/schema/", dom_id: "#ui", deepLinking: true,
  persistAuthorization: false, tryItOutEnabled: true});
"""
_REDOC_START = 'Redoc.init("/api/schema/", {}, document.getElementById("ui"));\n'


def _page(title: str, head: str, scripts: str) -> HTMLResponse:
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="/api/docs/assets/favicon.png">{head}</head>'
        f'<body><div id="ui"></div>{scripts}</body></html>'
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": _CSP})


def _script(name: str) -> str:
    return f'<script src="/api/docs/assets/{name}"></script>'


@router.get("/api/docs/", dependencies=[public()])
async def swagger() -> HTMLResponse:
    head = '<link rel="stylesheet" href="/api/docs/assets/swagger-ui.css">'
    return _page("SIMS API", head, _script("swagger-ui-bundle.js") + _script("swagger.js"))


@router.get("/api/redoc/", dependencies=[public()])
async def redoc() -> HTMLResponse:
    return _page("SIMS API", "", _script("redoc.standalone.js") + _script("redoc.js"))


@router.get("/api/docs/assets/{name}/", dependencies=[public()])
async def asset(name: str) -> Response:
    if name in ("swagger.js", "redoc.js"):
        start = _SWAGGER_START if name == "swagger.js" else _REDOC_START
        return Response(start, media_type="text/javascript")
    if name not in _ASSETS:
        raise problems.not_found("asset")
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_asset(name), media_type=_ASSETS[name], headers=headers)


@cache
def _asset(name: str) -> bytes:
    return (files("fastapi_offline") / "static" / name).read_bytes()


@router.get("/api/schema/", dependencies=[public()])
async def schema(request: Request) -> JSONResponse:
    return JSONResponse(request.app.openapi())


def install(app: FastAPI) -> None:
    """Describes errors once: every 4xx and 5xx is a problem, and validation is a 400."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app, generate())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _describe(app: FastAPI, schema: dict[str, Any]) -> dict[str, Any]:
    schema["info"]["version"] = app_version()
    components = schema["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    components["Problem"] = problems.Problem.model_json_schema(
        ref_template="#/components/schemas/{model}"
    )
    components.update(components["Problem"].pop("$defs", {}))
    for name in [name for name in components if name.startswith("Body_")]:
        components[name]["additionalProperties"] = False  # a form with other fields is refused
    for route in api_routes(app):
        if route.include_in_schema:
            for method in route.methods or ():
                operation = schema["paths"][route.path][method.lower()]
                _describe_parameters(operation)
                _describe_errors(operation, route)
    return schema


def _describe_parameters(operation: dict[str, Any]) -> None:
    """A parameter is sent or left out; none is null."""
    for parameter in operation.get("parameters", []):
        rest = dict(parameter["schema"])
        kinds = [kind for kind in rest.pop("anyOf", []) if kind != {"type": "null"}]
        if len(kinds) == 1:
            parameter["schema"] = rest | kinds[0]


def _has(operation: dict[str, Any], parameter: str) -> bool:
    return any(p["name"] == parameter for p in operation.get("parameters", []))


def _describe_errors(operation: dict[str, Any], route: RouteContext) -> None:
    (policy,) = policies(route)
    path = route.path or ""
    statuses = ["400", "500", "503"]
    if not isinstance(policy, Public):
        statuses += ["401"] if isinstance(policy, Authenticated) else ["401", "403"]
    else:
        operation.pop("security", None)
        if "/auth/" in path:
            statuses += ["401", "429"]
    names_rows = path.endswith(("/commit/", "/enqueue/", "/batches/"))
    if "{" in path or names_rows or _has(operation, "page"):
        statuses.append("404")
    if "requestBody" in operation:
        statuses += ["409", "413", "415", "422"]
    if _has(operation, "If-Match"):
        statuses += ["409", "412"]
    operation["responses"].pop("422", None)
    for status in sorted(set(statuses)):
        operation["responses"].setdefault(
            status,
            {
                "description": "A problem",
                "content": {
                    problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
                },
            },
        )
