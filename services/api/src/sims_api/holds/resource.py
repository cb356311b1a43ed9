"""Holds: placed with a reason, released with a reason, never deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter
from pydantic import Field, model_validator
from sqlalchemy import ColumnElement

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import Flag, Input, Line, Output, RowId
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Id, Resource, find, router_of
from sims_api.versions import IfMatch, require_match
from sims_common.clock import now
from sims_common.errors import Conflict, FieldError, ValidationFailed
from sims_core.domain.holds import HoldKind
from sims_core.models import Hold, Student

VIEW = "finance.holds.view"
VIEW_OWN = "finance.holds.view_own"


class HoldIn(Input):
    student: RowId
    kind: HoldKind
    reason: Line = Field(description="the student reads it: say what has to be settled")
    blocks_results: Flag = True
    blocks_transcripts: Flag = True
    blocks_enrollment: Flag = False

    @model_validator(mode="after")
    def _blocks_something(self) -> Self:
        if not (self.blocks_results or self.blocks_transcripts or self.blocks_enrollment):
            raise ValueError("a hold blocks results, transcripts or enrollment")
        return self


class HoldRelease(Input):
    reason: Line


class HoldOut(Output):
    id: int
    student: int
    reg_no: str
    student_name: str
    kind: HoldKind
    reason: str
    blocks_results: bool
    blocks_transcripts: bool
    blocks_enrollment: bool
    placed_by: int
    placed_at: datetime
    released_by: int | None
    released_at: datetime | None
    release_reason: str
    version: int


def holds_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``, else those on the actor."""
    return None if actor.can(VIEW) else Hold.student_id == actor.student_id


HOLDS = Resource(
    name="hold",
    path="finance/holds",
    tag="finance",
    model=Hold,
    out=HoldOut,
    permission="finance.holds",
    own_view=VIEW_OWN,
    scope=holds_of,
    orderings={"id": Hold.id, "placed_at": Hold.placed_at},
    default_ordering="-id",
    filters={"student": Hold.student_id, "kind": Hold.kind},
    choices={"kind": tuple(HoldKind)},
    related={"reg_no": Student.reg_no, "student_name": Student.name},
    joins=lambda statement: statement.join(Student, Hold.student_id == Student.id),
)

router = APIRouter(route_class=StrictRoute)
router.include_router(router_of(HOLDS))


@router.post("/api/finance/holds/", status_code=201, response_model=HoldOut, tags=["finance"])
async def place(
    session: Db,
    actor: Annotated[Actor, allow("finance.holds.create")],
    once: AtMostOnce,
    body: HoldIn,
) -> Any:
    """Places a hold; it counts at once."""

    async def create() -> HoldOut:
        if await session.get(Student, body.student) is None:
            text = "There is no such student."
            raise ValidationFailed(text, errors=[FieldError("/student", "DOES_NOT_EXIST", text)])
        values = HOLDS.stored(body.model_dump())
        hold = Hold(**values, placed_by_id=actor.user_id)
        session.add(hold)
        await session.flush()
        return HoldOut.model_validate(await find(session, HOLDS, hold.id, actor))

    return await once.run(
        create, location=lambda out: f"/api/finance/holds/{out.id}/", etag=HOLDS.etag
    )


@router.post("/api/finance/holds/{id}/release/", response_model=HoldOut, tags=["finance"])
async def release(
    session: Db,
    actor: Annotated[Actor, allow("finance.holds.release")],
    id: Id,  # noqa: A002 (the parameter's public name)
    body: HoldRelease,
    if_match: IfMatch = None,
) -> Any:
    """Ends a hold. It stays on record."""
    hold = await session.get(Hold, id, with_for_update=True)
    if hold is None:
        raise not_found("hold")
    require_match(if_match, hold.version)
    if hold.released_at is not None:
        raise Conflict("This hold has been released already.", code="HOLD_RELEASED")
    hold.released_at, hold.released_by_id = now(), actor.user_id
    hold.release_reason = body.reason
    await session.flush()
    return await find(session, HOLDS, id, actor)
