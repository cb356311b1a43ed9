"""Routes of the requests."""

# No `from __future__ import annotations`: each decision's route is made by a function.

from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.requests import resource as r
from sims_api.requests import service
from sims_api.resource import Id, find, router_of
from sims_api.versions import IfMatch
from sims_core.domain.requests import RequestStatus
from sims_core.models import RequestEvent, RequestRemark

router = APIRouter(route_class=StrictRoute)
router.include_router(router_of(r.REQUESTS))
more = APIRouter(prefix="/api/requests", tags=["requests"], route_class=StrictRoute)

Reader = Annotated[Actor, allow(r.VIEW, own=r.VIEW_OWN)]
Processor = Annotated[Actor, allow(r.PROCESS)]
DECISIONS = {
    "approve": RequestStatus.APPROVED,
    "reject": RequestStatus.REJECTED,
    "complete": RequestStatus.COMPLETED,
}


async def shown(session: AsyncSession, actor: Actor, id_: int) -> Response:
    found = await find(session, r.REQUESTS, id_, actor)
    return JSONResponse(found.model_dump(mode="json"), headers={"ETag": r.REQUESTS.etag(found)})


@more.post("/", status_code=201, response_model=r.RequestOut)
async def create(
    session: Db,
    actor: Annotated[Actor, allow(r.CREATE, own=r.CREATE_OWN)],
    once: AtMostOnce,
    body: r.RequestIn,
) -> Any:
    """Makes a request; a student makes the own ones."""

    async def make() -> r.RequestOut:
        id_ = await service.create(session, actor, body)
        return r.RequestOut.model_validate(await find(session, r.REQUESTS, id_, actor))

    return await once.run(
        make, location=lambda out: f"/api/requests/{out.id}/", etag=r.REQUESTS.etag
    )


@more.post("/{id}/assign/", response_model=r.RequestOut)
async def assign(
    session: Db,
    actor: Processor,
    id: Id,  # noqa: A002 (the parameter's public name)
    body: r.AssignIn,
    if_match: IfMatch = None,
) -> Response:
    """Gives the request to somebody; it is under review then."""
    await service.assign(session, actor, id, body, if_match)
    return await shown(session, actor, id)


def _add_decision(name: str, after: RequestStatus) -> None:
    @more.post(f"/{{id}}/{name}/", response_model=r.RequestOut, name=f"{name} request")
    async def decide(
        session: Db,
        actor: Processor,
        id: Id,  # noqa: A002
        body: r.DecideIn,
        if_match: IfMatch = None,
    ) -> Response:
        await service.move(session, actor, id, after, body.notes, if_match)
        return await shown(session, actor, id)


for _name, _after in DECISIONS.items():
    _add_decision(_name, _after)


@more.get("/{id}/history/")
async def history(session: Db, actor: Reader, id: Id) -> list[r.EventOut]:  # noqa: A002
    """Each change of status or assignee, oldest first."""
    await find(session, r.REQUESTS, id, actor)
    rows = await session.execute(
        select(
            RequestEvent.from_status,
            RequestEvent.to_status,
            RequestEvent.assigned_to_id.label("assigned_to"),
            RequestEvent.notes,
            RequestEvent.by_id.label("by"),
            RequestEvent.at,
        )
        .where(RequestEvent.request_id == id)
        .order_by(RequestEvent.id)
    )
    return [r.EventOut.model_validate(row) for row in rows]


@more.get("/{id}/remarks/")
async def remarks(session: Db, actor: Reader, id: Id) -> list[r.RemarkOut]:  # noqa: A002
    """Remarks, oldest first; internal ones for who may process requests."""
    await find(session, r.REQUESTS, id, actor)
    statement = select(RequestRemark).where(RequestRemark.request_id == id)
    if not actor.can(r.PROCESS):
        statement = statement.where(RequestRemark.is_internal.is_(False))
    rows = await session.scalars(statement.order_by(RequestRemark.id))
    return [_remark(row) for row in rows]


@more.post("/{id}/remarks/", status_code=201, response_model=r.RemarkOut)
async def add_remark(
    session: Db,
    actor: Reader,
    id: Id,  # noqa: A002
    once: AtMostOnce,
    body: r.RemarkIn,
) -> Any:
    """Adds a remark to a request in reach."""

    async def add() -> r.RemarkOut:
        await find(session, r.REQUESTS, id, actor)
        return _remark(await service.remark(session, actor, id, body))

    return await once.run(add)


def _remark(row: RequestRemark) -> r.RemarkOut:
    return r.RemarkOut(
        id=row.id, remark=row.remark, is_internal=row.is_internal, by=row.by_id, at=row.at
    )


router.include_router(more)
