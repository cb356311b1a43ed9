"""Routes under ``/api/legacy/``; their writes go through the canonical services."""

# No `from __future__ import annotations`: each decision's route is made by a function.

from typing import Annotated, Any

from fastapi import APIRouter

from sims_api.academics import enrollment as canonical
from sims_api.academics import enrollment_service
from sims_api.academics.sections import SECTIONS, SectionOut
from sims_api.academics.sections import VIEW as SECTIONS_VIEW
from sims_api.academics.sections import VIEW_OWN as SECTIONS_VIEW_OWN
from sims_api.assessments import resources as a
from sims_api.assessments import service as assessments
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.legacy import resources as s
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.requests import resource as r
from sims_api.requests import service as requests
from sims_api.requests.routes import DECISIONS
from sims_api.resource import Id, find, router_of
from sims_api.versions import IfMatch
from sims_core.domain.enrollment import EnrollmentStatus
from sims_core.domain.requests import RequestStatus, RequestType

router = APIRouter(route_class=StrictRoute)
more = APIRouter(prefix="/api/legacy", tags=["legacy"], route_class=StrictRoute)

Keeper = Annotated[Actor, allow(a.MANAGE, own=a.MANAGE_OWN)]


@more.get("/requests/types/", dependencies=[allow(r.VIEW, own=r.VIEW_OWN)])
async def request_types() -> list[s.TypeOut]:
    """The kinds of request; before ``requests/{id}/``, which would take the address."""
    return [s.TypeOut(id=kind, name=kind) for kind in RequestType]


@more.get("/enrollments/section/{id}/availability/")
async def availability(
    session: Db,
    actor: Annotated[Actor, allow(SECTIONS_VIEW, own=SECTIONS_VIEW_OWN)],
    id: Id,  # noqa: A002 (the parameter's public name)
) -> s.AvailabilityOut:
    section = SectionOut.model_validate(await find(session, SECTIONS, id, actor))
    free = section.capacity - section.enrolled_count
    return s.AvailabilityOut(
        section_id=id,
        capacity=section.capacity,
        enrolled=section.enrolled_count,
        available=free,
        is_available=free > 0,
    )


@more.post("/enrollments/", status_code=201, response_model=s.EnrollmentOut)
async def enrol(
    session: Db, actor: Annotated[Actor, allow(canonical.CREATE)], body: s.EnrollmentIn
) -> Any:
    """Enrols a student, by the same rules as ``sections/{id}/enroll/``."""
    section = await enrollment_service.locked_section(session, body.section)
    await enrollment_service.require_open(session, section)
    (found,) = await enrollment_service.enroll(
        session, section, [body.student], waitlist=False, by=actor.user_id, reason=""
    )
    if found.code == "NOT_FOUND":
        raise not_found("student")
    if found.enrollment is None:
        raise enrollment_service.Refusal(found.code or "", found.message or "").problem()
    return await find(session, s.LEGACY_ENROLLMENTS, found.enrollment, actor)


@more.post("/enrollments/{id}/drop/", response_model=s.EnrollmentOut)
async def drop(
    session: Db,
    actor: Annotated[Actor, allow(canonical.UPDATE)],
    id: Id,  # noqa: A002
    body: s.DropIn,
) -> Any:
    await enrollment_service.leave(
        session, id, EnrollmentStatus.DROPPED, by=actor.user_id, reason=body.reason
    )
    return await find(session, s.LEGACY_ENROLLMENTS, id, actor)


@more.post("/assessments/", status_code=201, response_model=s.AssessmentOut)
async def create_assessment(session: Db, actor: Keeper, body: a.AssessmentIn) -> Any:
    id_ = await assessments.create(session, actor, body)
    return await find(session, s.LEGACY_ASSESSMENTS, id_, actor)


@more.post("/assessment-scores/", status_code=201, response_model=s.ScoreOut)
async def give_score(session: Db, actor: Keeper, body: a.ScoreIn) -> Any:
    id_ = await assessments.score(session, actor, body)
    return await find(session, s.LEGACY_SCORES, id_, actor)


@more.post("/requests/", status_code=201, response_model=s.RequestOut)
async def create_request(
    session: Db,
    actor: Annotated[Actor, allow(r.CREATE, own=r.CREATE_OWN)],
    body: r.RequestIn,
) -> Any:
    id_ = await requests.create(session, actor, body)
    return await find(session, s.LEGACY_REQUESTS, id_, actor)


@more.post("/requests/{id}/assign/", response_model=s.RequestOut)
async def assign(
    session: Db,
    actor: Annotated[Actor, allow(r.PROCESS)],
    id: Id,  # noqa: A002
    body: r.AssignIn,
    if_match: IfMatch = None,
) -> Any:
    await requests.assign(session, actor, id, body, if_match)
    return await find(session, s.LEGACY_REQUESTS, id, actor)


def _add_decision(name: str, after: RequestStatus) -> None:
    @more.post(
        f"/requests/{{id}}/{name}/", response_model=s.RequestOut, name=f"{name} legacy request"
    )
    async def decide(
        session: Db,
        actor: Annotated[Actor, allow(r.PROCESS)],
        id: Id,  # noqa: A002
        body: r.DecideIn,
        if_match: IfMatch = None,
    ) -> Any:
        await requests.move(session, actor, id, after, body.notes, if_match)
        return await find(session, s.LEGACY_REQUESTS, id, actor)


for _name, _after in DECISIONS.items():
    _add_decision(_name, _after)

router.include_router(more)
for _resource in (
    s.LEGACY_ENROLLMENTS,
    s.LEGACY_ASSESSMENTS,
    s.LEGACY_SCORES,
    s.LEGACY_REQUESTS,
):
    router.include_router(router_of(_resource))
