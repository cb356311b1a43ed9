"""Components of an exam: changed only until a result is verified, and drafts follow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.exams import evaluation
from sims_api.exams import schemas as s
from sims_api.exams.resources import COMPONENTS
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Id, find, router_of
from sims_api.versions import IfMatch, require_match
from sims_common.errors import Conflict
from sims_core.domain.passing import MarkRefused
from sims_core.models import ExamComponent

router = APIRouter(route_class=StrictRoute)
router.include_router(router_of(COMPONENTS))
writes = APIRouter(prefix="/api/exam-components", tags=["exams"], route_class=StrictRoute)

Keeper = Annotated[Actor, allow("exams.exams.update")]


@writes.post("/", status_code=201, response_model=s.ComponentOut)
async def create(session: Db, actor: Keeper, once: AtMostOnce, body: s.ComponentIn) -> Any:
    async def make() -> s.ComponentOut:
        await evaluation.hold_for_change(session, body.exam)
        row = ExamComponent(**COMPONENTS.stored(body.model_dump()))
        session.add(row)
        await _flush_and_recompute(session, body.exam)
        return s.ComponentOut.model_validate(await find(session, COMPONENTS, row.id, actor))

    return await once.run(
        make, location=lambda out: f"/api/exam-components/{out.id}/", etag=COMPONENTS.etag
    )


@writes.put("/{id}/", response_model=s.ComponentOut)
async def replace(
    session: Db,
    actor: Keeper,
    id: Id,  # noqa: A002 (the parameter's public name)
    body: s.ComponentChange,
    if_match: IfMatch = None,
) -> Response:
    """Replaces the component; the exam it is of stays."""

    async def change(row: ExamComponent) -> None:
        for name, value in body.model_dump().items():
            setattr(row, name, value)

    await _changed(session, id, if_match, change)
    found = await find(session, COMPONENTS, id, actor)
    return JSONResponse(found.model_dump(mode="json"), headers={"ETag": COMPONENTS.etag(found)})


@writes.delete("/{id}/", status_code=204)
async def remove(
    session: Db,
    _actor: Keeper,
    id: Id,  # noqa: A002
    if_match: IfMatch = None,
) -> None:
    """Removes a component without marks."""
    await _changed(session, id, if_match, session.delete)


async def _changed(
    session: AsyncSession,
    id_: int,
    if_match: str | None,
    change: Callable[[ExamComponent], Awaitable[None]],
) -> None:
    """Raises ``NotFound``, ``PreconditionFailed`` or, once results are verified, ``Conflict``."""
    exam_id = await session.scalar(select(ExamComponent.exam_id).where(ExamComponent.id == id_))
    if exam_id is None:
        raise not_found(COMPONENTS.name)
    await evaluation.hold_for_change(session, exam_id)
    row = await session.get(ExamComponent, id_, with_for_update=True)
    if row is None:
        raise not_found(COMPONENTS.name)
    require_match(if_match, row.version)
    await change(row)
    await _flush_and_recompute(session, exam_id)


async def _flush_and_recompute(session: AsyncSession, exam_id: int) -> None:
    await session.flush()
    try:
        await evaluation.recompute_drafts(session, exam_id)
    except MarkRefused as error:
        text = f"A mark that was entered does not fit any more: {error}."
        raise Conflict(text, code="MARKS_OUT_OF_RANGE") from error


router.include_router(writes)
