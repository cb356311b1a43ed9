"""A plain entity: a model, its schemas and one declaration give all its routes.

A field of the schemas that names another record (``program``) is stored in the column
``program_id`` of the same table; what a list shows beyond the row (``program_name``) is
declared with the joins it needs.
"""

# No `from __future__ import annotations`: FastAPI must see the schemas of each resource.

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError, create_model
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api import paging, problems
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import MAX_ID, Digits, partial
from sims_api.idempotency import AtMostOnce
from sims_api.listing import Column, Joins, Listing, Page, as_it_is
from sims_api.policy import allow
from sims_api.versions import IfMatch, IfNoneMatch, etag, not_modified, require_match
from sims_common.clock import today
from sims_core.models import Base, Versioned

Id = Annotated[int, Field(ge=1, le=MAX_ID), Digits, Path()]
Scope = Callable[[Actor], ColumnElement[bool] | None]
Prepare = Callable[[AsyncSession, dict[str, Any], Any, date], Awaitable[None]]


async def _as_sent(
    _session: AsyncSession, _values: dict[str, Any], _row: Any, _today: date
) -> None:
    """Most entities need no preparation."""


def _every_row(_actor: Actor) -> ColumnElement[bool] | None:
    return None


def _nothing_more(_router: APIRouter) -> None:
    """Most entities have the plain routes alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """One entity of the API.

    ``permission`` is the task prefix (``academics.courses``): lists and details need
    ``.view``, writes ``.create``, ``.update``, ``.delete``. With ``own_view`` the scope
    decides which rows the actor reaches. ``prepare`` derives or checks values before they
    are stored; it gets None or the row that changes, and the institution's date. ``extend``
    adds routes of its own before the detail, whose ``{id}`` would take their place.
    """

    name: str
    path: str
    tag: str
    model: type[Base]
    out: type[BaseModel]
    permission: str
    orderings: Mapping[str, Column]
    default_ordering: str
    create: type[BaseModel] | None = None
    deletable: bool = False
    filters: Mapping[str, Column] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)
    search: Column | None = None
    related: Mapping[str, Any] = field(default_factory=dict)
    joins: Joins = as_it_is
    own_view: str | None = None
    scope: Scope = _every_row
    prepare: Prepare = _as_sent
    extend: Callable[[APIRouter], None] = _nothing_more

    def column_name(self, name: str) -> str:
        return name if hasattr(self.model, name) else f"{name}_id"

    @cached_property
    def listing(self) -> Listing:
        columns = {
            name: self.related[name]
            if name in self.related
            else getattr(self.model, self.column_name(name))
            for name in self.out.model_fields
        }
        return Listing(
            model=self.model,
            columns=columns,
            orderings=self.orderings,
            default=self.default_ordering,
            filters=self.filters,
            choices=self.choices,
            search=self.search,
            joins=self.joins,
        )

    def etag(self, found: Any) -> str:
        return etag(found.version, found if self.related else None)

    def stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Field values under the names of their columns."""
        return {self.column_name(name): value for name, value in values.items()}


def router_of(resource: Resource) -> APIRouter:
    """List, detail and whichever writes the resource declares."""
    router = APIRouter(prefix=f"/api/{resource.path}", tags=[resource.tag], route_class=StrictRoute)
    view = allow(f"{resource.permission}.view", own=resource.own_view)
    add_list(router, resource, view)
    resource.extend(router)
    add_detail(router, resource, view)
    if resource.create is not None:
        _add_create(router, resource, resource.create)
        _add_updates(router, resource, resource.create)
    if resource.deletable:
        _add_delete(router, resource)
    return router


async def find(session: AsyncSession, resource: Resource, id_: Any, actor: Actor) -> BaseModel:
    """One row as the API shows it. Raises ``NotFound`` also when it is out of scope."""
    listing = resource.listing
    statement = listing.rows.where(listing.id == id_)
    visible = resource.scope(actor)
    if visible is not None:
        statement = statement.where(visible)
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise problems.not_found(resource.name)
    return resource.out.model_validate(row)


def add_list(router: APIRouter, resource: Resource, view: Any, path: str = "/") -> None:
    """The list alone, for entities whose other routes are written out."""
    listing = resource.listing
    query_model = listing.query_model()
    page_model = create_model(
        f"{resource.out.__name__}Page",
        __base__=Page,
        results=(list[resource.out], ...),  # type: ignore[name-defined]  # a runtime type
    )

    @router.get(path, response_model=page_model, name=f"list {resource.name}s")
    async def list_rows(
        request: Request,
        session: Db,
        actor: Annotated[Actor, view],
        query: Annotated[query_model, Query()],  # type: ignore[valid-type]
    ) -> Any:
        found = await paging.fetch(session, listing, query, scope=resource.scope(actor))
        return found.response(request.url)


def add_detail(router: APIRouter, resource: Resource, view: Any) -> None:
    """The detail alone, as ``add_list``."""

    @router.get("/{id}/", response_model=resource.out, name=f"get {resource.name}")
    async def get_row(
        response: Response,
        session: Db,
        actor: Annotated[Actor, view],
        id: Id,  # noqa: A002 (the parameter's public name)
        if_none_match: IfNoneMatch = None,
    ) -> Any:
        found = await find(session, resource, id, actor)
        response.headers["ETag"] = resource.etag(found)
        return not_modified(if_none_match, resource.etag(found)) or found


def _add_create(router: APIRouter, resource: Resource, schema: type[BaseModel]) -> None:
    may = allow(f"{resource.permission}.create")

    @router.post("/", status_code=201, response_model=resource.out, name=f"create {resource.name}")
    async def create_row(
        request: Request,
        session: Db,
        actor: Annotated[Actor, may],
        once: AtMostOnce,
        body: schema,  # type: ignore[valid-type]
    ) -> Any:
        async def create() -> BaseModel:
            values = resource.stored(body.model_dump())  # type: ignore[attr-defined]
            await resource.prepare(session, values, None, _today(request))
            row: Any = resource.model(**values)
            session.add(row)
            await session.flush()
            return await find(session, resource, row.id, actor)

        def location(out: Any) -> str:
            return f"/api/{resource.path}/{out.id}/"

        return await once.run(create, location=location, etag=resource.etag)


def _add_updates(
    router: APIRouter,
    resource: Resource,
    full: type[BaseModel],
) -> None:
    sent = partial(full)
    may = allow(f"{resource.permission}.update")

    async def change(
        request: Request, session: Db, actor: Actor, id_: int, values: Any, if_match: str | None
    ) -> Response:
        row = await _locked(session, resource, id_, actor)
        require_match(if_match, row.version)
        _check_together(full, {**_fields_of(resource, full, row), **values})
        stored = resource.stored(values)
        await resource.prepare(session, stored, row, _today(request))
        for name, value in stored.items():
            setattr(row, name, value)
        await session.flush()
        found = await find(session, resource, id_, actor)
        headers = {"ETag": resource.etag(found)}
        return JSONResponse(found.model_dump(mode="json"), headers=headers)

    @router.patch("/{id}/", response_model=resource.out, name=f"change {resource.name}")
    async def patch_row(
        request: Request,
        session: Db,
        actor: Annotated[Actor, may],
        id: Id,  # noqa: A002
        body: sent,  # type: ignore[valid-type]
        if_match: IfMatch = None,
    ) -> Any:
        values = body.model_dump(exclude_unset=True)  # type: ignore[attr-defined]
        return await change(request, session, actor, id, values, if_match)

    @router.put("/{id}/", response_model=resource.out, name=f"replace {resource.name}")
    async def put_row(
        request: Request,
        session: Db,
        actor: Annotated[Actor, may],
        id: Id,  # noqa: A002
        body: full,  # type: ignore[valid-type]
        if_match: IfMatch = None,
    ) -> Any:
        return await change(request, session, actor, id, body.model_dump(), if_match)  # type: ignore[attr-defined]


def _fields_of(resource: Resource, schema: type[BaseModel], row: Any) -> dict[str, Any]:
    return {name: getattr(row, resource.column_name(name)) for name in schema.model_fields}


def _check_together(schema: type[BaseModel], values: dict[str, Any]) -> None:
    """A PATCH keeps the rules between fields, some of which it did not send.

    Raises ``RequestValidationError`` as a whole body that breaks them would.
    """
    try:
        schema.model_validate(values)
    except ValidationError as error:
        between = [problem for problem in error.errors() if not problem["loc"]]
        if between:
            raise RequestValidationError([{**p, "loc": ("body",)} for p in between]) from error


def _today(request: Request) -> date:
    return today(request.app.state.settings.zone)


def _add_delete(router: APIRouter, resource: Resource) -> None:
    may = allow(f"{resource.permission}.delete")

    @router.delete("/{id}/", status_code=204, name=f"delete {resource.name}")
    async def delete_row(
        session: Db,
        actor: Annotated[Actor, may],
        id: Id,  # noqa: A002
        if_match: IfMatch = None,
    ) -> None:
        row = await _locked(session, resource, id, actor)
        require_match(if_match, row.version)
        await session.delete(row)
        await session.flush()


async def _locked(session: AsyncSession, resource: Resource, id_: int, actor: Actor) -> Any:
    """The row, held until the transaction ends: two writers cannot both pass If-Match."""
    model: Any = resource.model
    statement = select(model).where(model.id == id_).with_for_update()
    visible = resource.scope(actor)
    if visible is not None:
        statement = statement.where(visible)
    row: Versioned | None = (await session.scalars(statement)).one_or_none()
    if row is None:
        raise problems.not_found(resource.name)
    return row
