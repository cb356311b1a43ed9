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
from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api import export, paging, problems
from sims_api.audit import reading
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db, OpenSessions
from sims_api.fields import MAX_ID, Digits, partial
from sims_api.idempotency import AtMostOnce
from sims_api.listing import Column, Criterion, Joins, Listing, Page, PageQuery, as_it_is
from sims_api.members import Members
from sims_api.policy import allow
from sims_api.versions import IfMatch, IfNoneMatch, etag, not_modified, require_match
from sims_common.clock import today
from sims_core.models import Base, Versioned

Id = Annotated[int, Field(ge=1, le=MAX_ID), Digits, Path()]
Scope = Callable[[Actor], ColumnElement[bool] | None]
Guard = Callable[[AsyncSession, Actor, dict[str, Any] | None, Any], Awaitable[None]]
Prepare = Callable[[AsyncSession, dict[str, Any], Any, date], Awaitable[None]]


async def _whoever_is_permitted(
    _session: AsyncSession, _actor: Actor, _sent: dict[str, Any] | None, _row: Any
) -> None:
    """For most entities the permission says it all."""


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
    decides which rows the actor reaches. Whoever may see the list may export it, unless it
    is of people: then ``export_permission`` names one of its own. ``prepare`` derives or
    checks values before they are stored; it gets None or the row that changes, and the
    institution's date. ``guard`` refuses a write by what the actor, the values sent (None: a
    delete) and the row are. ``members`` are fields that list ids of another entity.
    Whoever reads rows of a ``personal`` resource, which tells of people, is recorded.
    ``extend`` adds routes of its own before the detail, whose ``{id}`` would take their place.
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
    criteria: Mapping[str, Criterion] = field(default_factory=dict)
    search: Column | None = None
    related: Mapping[str, Any] = field(default_factory=dict)
    members: Mapping[str, Members] = field(default_factory=dict)
    joins: Joins = as_it_is
    own_view: str | None = None
    export_permission: str | None = None
    personal: bool = False
    whole: ScalarSelect[Any] | None = None
    scope: Scope = _every_row
    prepare: Prepare = _as_sent
    guard: Guard = _whoever_is_permitted
    extend: Callable[[APIRouter], None] = _nothing_more

    def column_name(self, name: str) -> str:
        return name if hasattr(self.model, name) else f"{name}_id"

    @cached_property
    def listing(self) -> Listing:
        columns = {
            name: self.related[name]
            if name in self.related
            else self.members[name].ids(self.model)
            if name in self.members
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
            criteria=self.criteria,
            whole=self.whole,
            search=self.search,
            joins=self.joins,
        )

    def reads_others(self, actor: Actor) -> bool:
        """Whether what the actor reads is to be recorded: not what students see of themselves."""
        everything = actor.can(f"{self.permission}.view")
        return self.personal and (everything or actor.student_id is None)

    def etag(self, found: Any) -> str:
        """Rows without a version never change."""
        return etag(getattr(found, "version", 1), found if self.related else None)

    def stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Field values under the names of their columns; members have none."""
        return {
            self.column_name(name): value
            for name, value in values.items()
            if name not in self.members
        }

    async def store_members(
        self, session: AsyncSession, values: Mapping[str, Any], row: Any
    ) -> None:
        """Replaces what was sent; the row counts as changed when its members have."""
        for name in self.members.keys() & values.keys():
            if await self.members[name].replace(session, row.id, values[name]):
                row.updated_at = func.now()
        await session.flush()


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
    """The list and its export alone, for entities whose other routes are written out."""
    listing = resource.listing
    query_model: type[PageQuery] = listing.query_model()
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
        if resource.reads_others(actor):
            asked: Any = query
            sent = reading.asked(asked)
            await reading.record(session, request, actor, listing.entity, query=sent, ids=found.ids)
        return found.response(request.url)

    _add_export(router, resource, view, path)


def _add_export(router: APIRouter, resource: Resource, view: Any, path: str) -> None:
    """The whole list as a file; see ``export``."""
    query_model: type[export.ExportQuery] = resource.listing.query_model(
        export.ExportQuery, "Export"
    )
    may = allow(resource.export_permission) if resource.export_permission else view

    @router.get(
        f"{path}export/",
        response_class=Response,
        responses=export.DESCRIBED,
        name=f"export {resource.name}s",
    )
    async def export_rows(
        request: Request,
        session: Db,
        sessions: OpenSessions,
        actor: Annotated[Actor, may],
        query: Annotated[query_model, Query()],  # type: ignore[valid-type]
    ) -> Any:
        await session.rollback()  # gives its connection back: writing takes one of its own
        asked: Any = query
        file, rows = await export.write(
            sessions, resource.listing, asked, scope=resource.scope(actor)
        )
        sent, entity = reading.asked(asked), resource.listing.entity
        await reading.record(
            session, request, actor, entity, action="export", query=sent, rows=rows
        )
        name = f"{resource.name}s".replace(" ", "-")
        return export.response(file, name, asked.format)


def add_detail(router: APIRouter, resource: Resource, view: Any) -> None:
    """The detail alone, as ``add_list``."""

    @router.get("/{id}/", response_model=resource.out, name=f"get {resource.name}")
    async def get_row(
        request: Request,
        response: Response,
        session: Db,
        actor: Annotated[Actor, view],
        id: Id,  # noqa: A002 (the parameter's public name)
        if_none_match: IfNoneMatch = None,
    ) -> Any:
        found = await find(session, resource, id, actor)
        if resource.reads_others(actor):
            entity = resource.listing.entity
            await reading.record(session, request, actor, entity, entity_id=id)
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
            sent = body.model_dump()  # type: ignore[attr-defined]
            values = resource.stored(sent)
            await resource.guard(session, actor, sent, None)
            await resource.prepare(session, values, None, _today(request))
            row: Any = resource.model(**values)
            session.add(row)
            await session.flush()
            if resource.members:
                await resource.store_members(session, sent, row)
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
        check_together(full, {**_fields_of(resource, full, row), **values})
        stored = resource.stored(values)
        await resource.guard(session, actor, values, row)
        await resource.prepare(session, stored, row, _today(request))
        for name, value in stored.items():
            setattr(row, name, value)
        await session.flush()
        if resource.members:
            await resource.store_members(session, values, row)
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
    return {
        name: getattr(row, resource.column_name(name))
        for name in schema.model_fields
        if name not in resource.members
    }


def check_together(schema: type[BaseModel], values: dict[str, Any]) -> None:
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
        await resource.guard(session, actor, None, row)
        await session.delete(row)
        await session.flush()


async def _locked(session: AsyncSession, resource: Resource, id_: int, actor: Actor) -> Any:
    """The row, held until the transaction ends: two writers cannot both pass If-Match.

    Rows that refer to it may be added meanwhile (FOR NO KEY UPDATE), else two who move
    departments under each other would wait for each other.
    """
    model: Any = resource.model
    statement = select(model).where(model.id == id_).with_for_update(key_share=True)
    visible = resource.scope(actor)
    if visible is not None:
        statement = statement.where(visible)
    row: Versioned | None = (await session.scalars(statement)).one_or_none()
    if row is None:
        raise problems.not_found(resource.name)
    return row
