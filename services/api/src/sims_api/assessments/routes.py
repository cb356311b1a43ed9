"""Routes of assessments and their scores."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.assessments import resources as r
from sims_api.assessments import service
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.resource import Id, Resource, find, router_of
from sims_api.versions import IfMatch

router = APIRouter(route_class=StrictRoute)
router.include_router(router_of(r.ASSESSMENTS))
router.include_router(router_of(r.SCORES))
assessments = APIRouter(prefix="/api/assessments", tags=["assessments"], route_class=StrictRoute)
scores = APIRouter(prefix="/api/assessment-scores", tags=["assessments"], route_class=StrictRoute)

Keeper = Annotated[Actor, allow(r.MANAGE, own=r.MANAGE_OWN)]


async def _shown(session: AsyncSession, resource: Resource, actor: Actor, id_: int) -> Response:
    found = await find(session, resource, id_, actor)
    return JSONResponse(found.model_dump(mode="json"), headers={"ETag": resource.etag(found)})


@assessments.post("/", status_code=201, response_model=r.AssessmentOut)
async def create(session: Db, actor: Keeper, once: AtMostOnce, body: r.AssessmentIn) -> Any:
    async def make() -> r.AssessmentOut:
        id_ = await service.create(session, actor, body)
        return r.AssessmentOut.model_validate(await find(session, r.ASSESSMENTS, id_, actor))

    return await once.run(
        make, location=lambda out: f"/api/assessments/{out.id}/", etag=r.ASSESSMENTS.etag
    )


@assessments.put("/{id}/", response_model=r.AssessmentOut)
async def replace(
    session: Db,
    actor: Keeper,
    id: Id,  # noqa: A002 (the parameter's public name)
    body: r.AssessmentChange,
    if_match: IfMatch = None,
) -> Response:
    """Replaces the assessment; the section it is of stays."""
    await service.change(session, actor, id, body, if_match)
    return await _shown(session, r.ASSESSMENTS, actor, id)


@assessments.delete("/{id}/", status_code=204)
async def remove(
    session: Db,
    actor: Keeper,
    id: Id,  # noqa: A002
    if_match: IfMatch = None,
) -> None:
    """Deletes an assessment without scores."""
    await session.delete(await service.held(session, actor, id, if_match))
    await session.flush()


@scores.post("/", status_code=201, response_model=r.ScoreOut)
async def give_score(session: Db, actor: Keeper, once: AtMostOnce, body: r.ScoreIn) -> Any:
    async def make() -> r.ScoreOut:
        id_ = await service.score(session, actor, body)
        return r.ScoreOut.model_validate(await find(session, r.SCORES, id_, actor))

    return await once.run(
        make, location=lambda out: f"/api/assessment-scores/{out.id}/", etag=r.SCORES.etag
    )


@scores.put("/{id}/", response_model=r.ScoreOut)
async def change_score(
    session: Db,
    actor: Keeper,
    id: Id,  # noqa: A002
    body: r.ScoreChange,
    if_match: IfMatch = None,
) -> Response:
    """Changes a score; ``If-Match`` is required, so that nobody's entry is overwritten."""
    await service.change_score(session, actor, id, body.score, if_match)
    return await _shown(session, r.SCORES, actor, id)


@scores.delete("/{id}/", status_code=204)
async def remove_score(
    session: Db,
    actor: Keeper,
    id: Id,  # noqa: A002
    if_match: IfMatch = None,
) -> None:
    row, _ = await service.held_score(session, actor, id, if_match)
    await session.delete(row)
    await session.flush()


router.include_router(assessments)
router.include_router(scores)
