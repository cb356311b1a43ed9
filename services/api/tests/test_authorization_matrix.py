"""Role × endpoint × relation, from the OpenAPI document: every cell is run, none leaks.

What is expected follows from the permissions (data) and the table of entries, not from the
scopes that decide. A route that the table does not know fails the build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import RouteContext
from services.api.tests.authorization_entries import ELSEWHERE, ENTRIES, Entry
from services.api.tests.authorization_world import DELETED, MISSING, RELATIONS, SECRET, World
from services.api.tests.conftest import Api
from sqlalchemy import delete

from sims_api import policy
from sims_api.policy import Allowed, Authenticated, Public
from sims_core.domain.permissions import PERMISSIONS, ROLES
from sims_core.models import Base

NO_SUCH_VERSION = '"999999999"'  # a permitted delete or change stops there: 412


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    policy: policy.Policy
    route: RouteContext

    @property
    def prefix(self) -> str:
        """The path up to its last id."""
        found = re.match(r".*\}/?", self.path)
        return found[0] if found else self.path


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def world(api: Api) -> World:
    return World(api.make)


@pytest.fixture(scope="module")
def clients(api: Api, world: World) -> dict[str, httpx.Client]:
    """One of each role; the student and the teacher are those of the world."""
    users: dict[str, Any] = {role: api.make.user(role) for role in ROLES}
    users |= {"Student": world.student_user, "Faculty": world.teacher}
    users["superuser"] = api.make.user(is_superuser=True)
    users["nobody"] = api.make.user()
    return {name: api.sign_in(user) for name, user in users.items()} | {"anonymous": api.client()}


def routes(api: Api) -> Iterator[Route]:
    """Each operation of the document, with the policy that the application declares."""
    document = api.client().get("/api/schema/").json()["paths"]
    declared = {
        (method, route.path): (route, policy.policies(route)[0])
        for route in policy.routes(api.app)
        for method in route.methods or ()
    }
    for path, operations in document.items():
        for method in operations:
            route, found = declared[method.upper(), path]
            yield Route(method.upper(), path, found, route)


def test_every_route_with_an_id_is_in_the_table_and_the_table_has_no_others(api: Api) -> None:
    prefixes = {route.prefix for route in routes(api) if "{" in route.path}
    assert prefixes - ENTRIES.keys() - ELSEWHERE.keys() == set(), "add an entry"
    assert (ENTRIES.keys() | ELSEWHERE.keys()) - prefixes <= {"/api/docs/assets/{name}/"}


def granted(role: str) -> set[str]:
    return {code for code, (_, roles) in PERMISSIONS.items() if role in roles}


def reach(route: Route, entry: Entry, role: str, relation: str) -> str:
    """``yes``, ``hidden`` (404), ``forbidden`` (403) or ``unknown`` (401)."""
    if isinstance(route.policy, Public):
        return "yes"
    if role == "anonymous":
        return "unknown"
    exists = relation not in (DELETED, MISSING)
    if isinstance(route.policy, Authenticated) or role == "superuser":
        return "yes" if exists else "hidden"
    assert isinstance(route.policy, Allowed)
    codes = granted(role)
    if route.policy.code in codes:
        return "yes" if exists else "hidden"
    if route.policy.own in codes:
        return "yes" if relation in entry.own.get(role, ()) else "hidden"
    return "forbidden"


class Rows:
    """The rows of the cells, made once but for the entries whose rows are used up."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._made: dict[tuple[int, str], dict[str, str]] = {}

    def ids(self, entry: Entry, relation: str) -> dict[str, str]:
        if relation == MISSING:
            return dict(entry.missing)
        key = (id(entry), relation)
        if entry.fresh or key not in self._made:
            self._made[key] = self._make(entry, relation)
        return self._made[key]

    def _make(self, entry: Entry, relation: str) -> dict[str, str]:
        if relation == DELETED and entry.lasts:
            return self.ids(entry, MISSING)
        row = entry.row(self.world, relation)
        ids = {name: str(value) for name, value in entry.id_of(row).items()}
        if relation == DELETED:
            self._delete(row)
        return ids

    def _delete(self, row: Any) -> None:
        """With what refers to it directly."""
        session = self.world.make.session
        for table in Base.metadata.tables.values():
            for column in table.columns:
                if any(key.column is row.__table__.c.id for key in column.foreign_keys):
                    session.execute(delete(table).where(column == row.id))
        session.delete(row)
        session.commit()


def call(client: httpx.Client, route: Route, ids: dict[str, str]) -> httpx.Response:
    body: dict[str, Any] | None = (
        {} if route.method in ("POST", "PUT", "PATCH") and route.route.body_field else None
    )
    headers = {"If-Match": NO_SUCH_VERSION}
    return client.request(route.method, route.path.format(**ids), json=body, headers=headers)


ANSWERS = {
    "unknown": {401},
    "forbidden": {403},
    # A body that no schema takes is refused before any row is looked for.
    "hidden": {404, 400},
    "yes": {200, 201, 202, 204, 400, 409, 412, 422, 428},
}


def test_every_cell_of_role_endpoint_and_relation(
    api: Api, world: World, clients: dict[str, httpx.Client]
) -> None:
    rows, cells, leaks = Rows(world), 0, []
    covered = [r for r in routes(api) if "{" in r.path and r.prefix in ENTRIES]
    for route in covered:
        entry = ENTRIES[route.prefix]
        for relation in RELATIONS:
            for role, client in clients.items():
                answer = call(client, route, rows.ids(entry, relation))
                wanted = reach(route, entry, role, relation)
                cells += 1
                told = wanted != "yes" and SECRET in answer.text
                right = ANSWERS[wanted] | (entry.also if wanted == "yes" else set())
                if (
                    told
                    or answer.status_code not in right
                    or (wanted == "hidden" and answer.status_code == 400 and route.method == "GET")
                ):
                    leaks.append(
                        f"{role} {route.method} {route.path} {relation}: wanted {wanted}, got"
                        f" {answer.status_code} {answer.text[:160]}"
                    )
    assert leaks == []
    assert cells == len(covered) * len(RELATIONS) * len(clients)


def test_lists_and_exports_hold_only_rows_within_reach(
    api: Api, world: World, clients: dict[str, httpx.Client]
) -> None:
    """Of whoever has but the own form, each listed row is one that the detail would show."""
    all_routes = list(routes(api))
    rows, checked = Rows(world), 0
    for prefix, entry in ENTRIES.items():
        listing = prefix.rpartition("{")[0]
        if "{" in listing:
            continue  # no list of its own
        found = [r for r in all_routes if r.method == "GET" and r.path == listing]
        for route in found:
            own = {r: rows.ids(entry, r) for r in RELATIONS if r not in (DELETED, MISSING)}
            for role in ROLES:
                if reach(route, entry, role, "other student") != "hidden":
                    continue
                answer = clients[role].get(listing, params={"page_size": 200}).json()
                ids = {str(row["id"]) for row in answer["results"]}
                for relation, made in own.items():
                    within = relation in entry.own.get(role, ())
                    assert (made["id"] in ids) == within, (role, listing, relation)
                    checked += 1
    assert checked


@dataclass(frozen=True)
class Write:
    route: Route
    fields: frozenset[str]


def writes(api: Api) -> Iterator[Write]:
    """Every operation that reads JSON, with the fields that its schema declares."""
    document = api.client().get("/api/schema/").json()
    for route in routes(api):
        operation = document["paths"][route.path][route.method.lower()]
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            continue
        variants = schema.get("anyOf", [schema])
        names = [v["$ref"].rpartition("/")[2] for v in variants if "$ref" in v]
        declared = {
            field
            for name in names
            for field in document["components"]["schemas"][name].get("properties", {})
        }
        yield Write(route, frozenset(declared))


def columns() -> set[str]:
    """Every column of every table, under its own name and as fields name references."""
    names = {column.name for table in Base.metadata.tables.values() for column in table.columns}
    return names | {name.removesuffix("_id") for name in names}


def test_no_write_route_takes_a_column_that_is_not_a_field_from_anybody(
    api: Api, world: World, clients: dict[str, httpx.Client]
) -> None:
    """Every column × write route × role. All undeclared ones go in one body; each is refused."""
    rows, cells = Rows(world), 0
    for write in writes(api):
        route, undeclared = write.route, sorted(columns() - write.fields)
        entry = ENTRIES.get(route.prefix)
        ids = rows.ids(entry, "other student") if entry else {}
        if "{" in route.path and entry is None:
            continue
        for role, client in clients.items():
            address = route.path.format(**ids)
            answer = client.request(route.method, address, json=dict.fromkeys(undeclared, 1))
            where = f"{role} {route.method} {address}: {answer.status_code} {answer.text[:200]}"
            cells += len(undeclared)
            if answer.status_code in (401, 403):
                continue
            assert answer.status_code == 400, where
            refused = {
                error["pointer"].removeprefix("/")
                for error in answer.json()["errors"]
                if error["code"] == "EXTRA_FORBIDDEN"
            }
            assert set(undeclared) <= refused, (where, set(undeclared) - refused)
    assert cells > 10_000
