"""Results: lists, candidates, and the steps of the workflow."""

# No `from __future__ import annotations`: FastAPI must see the policy of each step.

from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.exams import evaluation
from sims_api.exams.marks import open_exam
from sims_api.holds.gate import unless_held
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.resource import Id, add_detail, add_list, find
from sims_api.results import record, workflow
from sims_api.results import schemas as s
from sims_api.results.resource import RESULT_COMPONENTS, RESULTS, ResultOut
from sims_api.results.scope import VIEW, VIEW_OWN
from sims_api.versions import IfMatch
from sims_common.errors import FieldError, ValidationFailed
from sims_core.domain.holds import Held
from sims_core.domain.results import FREEZE, PUBLISH, RETURN, VERIFY, Step
from sims_core.models import Result, Student

results = APIRouter(prefix="/api/results", tags=["results"], route_class=StrictRoute)
components = APIRouter(prefix="/api/result-components", tags=["results"], route_class=StrictRoute)
exams = APIRouter(prefix="/api/exams", tags=["results"], route_class=StrictRoute)

PERMISSIONS = {VERIFY: "verify", RETURN: "verify", PUBLISH: "publish", FREEZE: "freeze"}
Holder = Annotated[Actor, allow("results.result_headers.withhold")]


def _may(step: Step) -> Any:
    return allow(f"results.result_headers.{PERMISSIONS[step]}")


def _add_step(step: Step) -> None:
    @results.post(f"/{{id}}/{step.name}/", response_model=ResultOut, name=f"{step.name} result")
    async def move_one(
        session: Db,
        actor: Annotated[Actor, _may(step)],
        id: Id,  # noqa: A002 (the parameter's public name)
        if_match: IfMatch = None,
    ) -> Response:
        await workflow.move_one(session, actor, id, step, if_match)
        return await _shown(session, actor, id)

    @exams.post(f"/{{id}}/{step.name}/", name=f"{step.name} results of exam")
    async def move_exam(
        session: Db,
        actor: Annotated[Actor, _may(step)],
        id: Id,  # noqa: A002
    ) -> s.MovedOut:
        return await workflow.move_exam(session, actor, id, step)


async def _shown(session: AsyncSession, actor: Actor, id_: int) -> Response:
    found = await find(session, RESULTS, id_, actor)
    return JSONResponse(found.model_dump(mode="json"), headers={"ETag": RESULTS.etag(found)})


viewer = unless_held(VIEW, VIEW_OWN, Held.RESULTS)
add_list(results, RESULTS, viewer)
results.include_router(record.router)
add_detail(results, RESULTS, viewer)
add_list(components, RESULT_COMPONENTS, viewer)
add_detail(components, RESULT_COMPONENTS, viewer)
for _step in (VERIFY, RETURN, PUBLISH, FREEZE):
    _add_step(_step)


@results.post("/", status_code=201, response_model=ResultOut)
async def register(
    session: Db,
    actor: Annotated[Actor, allow("results.result_headers.create")],
    once: AtMostOnce,
    body: s.CandidateIn,
) -> Any:
    """Registers a candidate who is not enrolled; the draft has no marks yet."""

    async def create() -> ResultOut:
        examination = await open_exam(session, body.exam)
        if await session.scalar(select(Student.id).where(Student.id == body.student)) is None:
            text = "There is no such student."
            raise ValidationFailed(text, errors=[FieldError("/student", "DOES_NOT_EXIST", text)])
        blank = evaluation.computed(examination.evaluate({}))
        row = Result(exam_id=body.exam, student_id=body.student, **blank)
        session.add(row)
        await session.flush()
        return ResultOut.model_validate(await find(session, RESULTS, row.id, actor))

    return await once.run(create, location=lambda out: f"/api/results/{out.id}/", etag=RESULTS.etag)


@results.post("/{id}/withhold/", response_model=ResultOut)
async def withhold(
    session: Db,
    actor: Holder,
    id: Id,  # noqa: A002
    body: s.WithholdIn,
    if_match: IfMatch = None,
) -> Response:
    """Holds this result back from the publication of its exam."""
    await workflow.withhold(session, actor, id, body.reason, if_match)
    return await _shown(session, actor, id)


@results.post("/{id}/release/", response_model=ResultOut)
async def release(
    session: Db,
    actor: Holder,
    id: Id,  # noqa: A002
    if_match: IfMatch = None,
) -> Response:
    """Ends the withholding; the result is published by a step of its own."""
    await workflow.release(session, id, if_match)
    return await _shown(session, actor, id)
