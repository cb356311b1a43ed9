"""Routes of enrolment."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.academics import enrollment_schemas as s
from sims_api.academics import enrollment_service as service
from sims_api.academics.scope import taught_by
from sims_api.academics.sections import SECTIONS, SectionOut
from sims_api.academics.sections import VIEW as SECTIONS_VIEW
from sims_api.academics.sections import VIEW_OWN as SECTIONS_VIEW_OWN
from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.fields import RowNumber
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.resource import Id, Resource, find
from sims_core.domain.enrollment import EnrollmentStatus
from sims_core.domain.students import StudentStatus
from sims_core.models import (
    AcademicPeriod,
    Course,
    Enrollment,
    EnrollmentEvent,
    Section,
    Student,
    User,
)

VIEW = "academics.enrollments.view"
VIEW_OWN = "academics.enrollments.view_own"
CREATE = "academics.enrollments.create"
UPDATE = "academics.enrollments.update"


def enrollments_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``; else those in the sections that the actor teaches, and the own ones."""
    if actor.can(VIEW):
        return None
    return or_(
        Enrollment.section_id.in_(taught_by(actor.user_id)),
        Enrollment.student_id == actor.student_id,
    )


def _joins(statement: Select[Any]) -> Select[Any]:
    return (
        statement.join(Section, Enrollment.section_id == Section.id)
        .join(Course, Section.course_id == Course.id)
        .join(Student, Enrollment.student_id == Student.id)
    )


def _in_period(period: int) -> ColumnElement[bool]:
    return Enrollment.section_id.in_(select(Section.id).where(Section.academic_period_id == period))


ENROLLMENTS = Resource(
    name="enrolment",
    path="academics/enrollments",
    tag="academics",
    model=Enrollment,
    out=s.EnrollmentOut,
    permission="academics.enrollments",
    own_view=VIEW_OWN,
    scope=enrollments_of,
    orderings={"id": Enrollment.id},
    default_ordering="-id",
    filters={
        "section": Enrollment.section_id,
        "student": Enrollment.student_id,
        "status": Enrollment.status,
    },
    choices={"status": tuple(EnrollmentStatus)},
    criteria={"period": (RowNumber, _in_period)},
    related={
        "section_name": Section.name,
        "course_code": Course.code,
        "academic_period": Section.academic_period_id,
        "reg_no": Student.reg_no,
        "student_name": Student.name,
    },
    joins=_joins,
)

router = APIRouter(prefix="/api/academics", tags=["academics"], route_class=StrictRoute)


@router.post(
    "/sections/{id}/enroll/", status_code=201, response_model=s.EnrollmentOut | s.EnrolledMany
)
async def enroll(
    session: Db,
    actor: Annotated[Actor, allow(CREATE)],
    once: AtMostOnce,
    id: Id,  # noqa: A002 (the parameter's public name)
    body: s.Enroll,
) -> Any:
    """Enrols one student (a refusal is a 409), or many (each refusal is in the answer)."""

    async def record() -> s.EnrollmentOut | s.EnrolledMany:
        section = await service.locked_section(session, id)
        await service.require_open(session, section)
        students = await _asked(session, body)
        results = await service.enroll(
            session,
            section,
            students,
            waitlist=body.waitlist,
            by=actor.user_id,
            reason=body.reason or "",
        )
        if body.student_id is not None:
            return await _one(session, results[0], actor)
        return s.EnrolledMany(
            enrolled=sum(r.status is EnrollmentStatus.ENROLLED for r in results),
            waitlisted=sum(r.status is EnrollmentStatus.WAITLISTED for r in results),
            refused=sum(r.status is None for r in results),
            results=results,
        )

    return await once.run(record)


async def _asked(session: AsyncSession, body: s.Enroll) -> list[int]:
    """Ids in a fixed order: as sent, or a group's active students by number."""
    if body.student_id is not None:
        return [body.student_id]
    if body.student_ids is not None:
        return body.student_ids
    statement = select(Student.id).where(
        Student.group_id == body.group_id, Student.status == StudentStatus.ACTIVE
    )
    found = list(await session.scalars(statement.order_by(Student.reg_no)))
    if not found:
        raise not_found("group with active students")
    return found


async def _one(session: AsyncSession, result: s.EnrollResult, actor: Actor) -> s.EnrollmentOut:
    if result.enrollment is None:
        if result.code == "NOT_FOUND":
            raise not_found("student")
        raise service.Refusal(result.code or "", result.message or "").problem()
    return await _shown(session, result.enrollment, actor)


async def _shown(session: AsyncSession, id_: int, actor: Actor) -> s.EnrollmentOut:
    return s.EnrollmentOut.model_validate(await find(session, ENROLLMENTS, id_, actor))


@router.get("/sections/{id}/availability/")
async def availability(
    session: Db,
    actor: Annotated[Actor, allow(SECTIONS_VIEW, own=SECTIONS_VIEW_OWN)],
    id: Id,  # noqa: A002
) -> s.Availability:
    """How many seats there are, and who waits for one."""
    section = SectionOut.model_validate(await find(session, SECTIONS, id, actor))
    waiting, is_open = (
        await session.execute(
            select(
                select(func.count())
                .where(
                    Enrollment.section_id == id,
                    Enrollment.status == EnrollmentStatus.WAITLISTED,
                )
                .scalar_subquery(),
                (AcademicPeriod.status == "OPEN") & AcademicPeriod.is_enrollment_open,
            ).where(AcademicPeriod.id == section.academic_period)
        )
    ).one()
    return s.Availability(
        section=id,
        capacity=section.capacity,
        enrolled=section.enrolled_count,
        waitlisted=waiting,
        available=section.capacity - section.enrolled_count,
        is_open=is_open,
    )


@router.post("/enrollments/{id}/drop/")
async def drop(
    session: Db,
    actor: Annotated[Actor, allow(UPDATE)],
    id: Id,  # noqa: A002
    body: s.Leave,
) -> s.EnrollmentOut:
    """Takes a student out of a section or off its waitlist; who waits longest gets the seat."""
    await service.leave(session, id, EnrollmentStatus.DROPPED, by=actor.user_id, reason=body.reason)
    return await _shown(session, id, actor)


@router.post("/enrollments/{id}/withdraw/")
async def withdraw(
    session: Db,
    actor: Annotated[Actor, allow(UPDATE)],
    id: Id,  # noqa: A002
    body: s.Leave,
) -> s.EnrollmentOut:
    """Ends an enrolment for good: who withdrew does not come back to this section."""
    await service.leave(
        session, id, EnrollmentStatus.WITHDRAWN, by=actor.user_id, reason=body.reason
    )
    return await _shown(session, id, actor)


@router.get("/enrollments/{id}/history/")
async def history(
    session: Db,
    actor: Annotated[Actor, allow(VIEW, own=VIEW_OWN)],
    id: Id,  # noqa: A002
) -> list[s.EventOut]:
    """Each status of an enrolment, oldest first: who, when, why."""
    await _shown(session, id, actor)
    e = EnrollmentEvent
    rows = await session.execute(
        select(e.from_status, e.to_status, e.reason, User.username.label("by"), e.at)
        .outerjoin(User, e.by_id == User.id)
        .where(e.enrollment_id == id)
        .order_by(e.id)
    )
    return [s.EventOut.model_validate(row) for row in rows]
