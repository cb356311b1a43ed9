"""Change requests of released results."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.exams.scope import in_taught_sections
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.resource import Id, Resource, add_detail, add_list, find
from sims_api.results import changes
from sims_api.results import schemas as s
from sims_api.versions import IfMatch
from sims_core.domain.results import ChangeStatus
from sims_core.models import Result, ResultChange, Student

VIEW = "results.changes.view"
VIEW_OWN = "results.changes.view_own"
PATH = "/api/results/change-requests/"


def changes_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``; else those that the actor made and those in the sections taught."""
    if actor.can(VIEW):
        return None
    taught = select(Result.id).where(in_taught_sections(actor))
    return or_(ResultChange.requested_by_id == actor.user_id, ResultChange.result_id.in_(taught))


def _joins(statement: Select[Any]) -> Select[Any]:
    return statement.join(Result, ResultChange.result_id == Result.id).join(
        Student, Result.student_id == Student.id
    )


CHANGES = Resource(
    name="change request",
    path="results/change-requests",
    tag="results",
    model=ResultChange,
    out=s.ChangeOut,
    permission="results.changes",
    own_view=VIEW_OWN,
    scope=changes_of,
    orderings={"id": ResultChange.id, "requested_at": ResultChange.requested_at},
    default_ordering="-id",
    filters={
        "result": ResultChange.result_id,
        "status": ResultChange.status,
        "requested_by": ResultChange.requested_by_id,
    },
    choices={"status": tuple(ChangeStatus)},
    related={"exam": Result.exam_id, "student": Result.student_id, "reg_no": Student.reg_no},
    joins=_joins,
)

router = APIRouter(prefix=PATH.rstrip("/"), tags=["results"], route_class=StrictRoute)
view = allow(VIEW, own=VIEW_OWN)
add_list(router, CHANGES, view)
add_detail(router, CHANGES, view)

Requester = Annotated[Actor, allow(changes.CREATE, own="results.changes.create_own")]
Approver = Annotated[Actor, allow("results.changes.approve")]


async def _detail(session: AsyncSession, actor: Actor, id_: int) -> s.ChangeDetailOut:
    found = s.ChangeOut.model_validate(await find(session, CHANGES, id_, actor))
    return await changes.detail(session, found)


@router.get("/{id}/marks/")
async def get_marks(
    session: Db,
    actor: Annotated[Actor, view],
    id: Id,  # noqa: A002 (the parameter's public name)
) -> s.ChangeDetailOut:
    """The marks before and after, and how many mailed transcripts the change outdates."""
    return await _detail(session, actor, id)


async def _shown(session: AsyncSession, actor: Actor, id_: int) -> Response:
    found = await _detail(session, actor, id_)
    return JSONResponse(found.model_dump(mode="json"), headers={"ETag": CHANGES.etag(found)})


@router.post("/", status_code=201, response_model=s.ChangeDetailOut)
async def request_change(session: Db, actor: Requester, once: AtMostOnce, body: s.ChangeIn) -> Any:
    """Asks for a change of a released result; a second person decides."""

    async def create() -> s.ChangeDetailOut:
        return await _detail(session, actor, await changes.request(session, actor, body))

    return await once.run(create, location=lambda out: f"{PATH}{out.id}/", etag=CHANGES.etag)


@router.post("/{id}/approve/", response_model=s.ChangeDetailOut)
async def approve(
    session: Db,
    actor: Approver,
    id: Id,  # noqa: A002
    body: s.DecisionIn,
    if_match: IfMatch = None,
) -> Response:
    """Changes the result. Who asked for the change cannot approve it."""
    await changes.approve(session, actor, id, body.reason, if_match)
    return await _shown(session, actor, id)


@router.post("/{id}/reject/", response_model=s.ChangeDetailOut)
async def reject(
    session: Db,
    actor: Approver,
    id: Id,  # noqa: A002
    body: s.DecisionIn,
    if_match: IfMatch = None,
) -> Response:
    """Leaves the result as it is."""
    await changes.reject(session, actor, id, body.reason, if_match)
    return await _shown(session, actor, id)
