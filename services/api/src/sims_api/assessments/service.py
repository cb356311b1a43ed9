"""Keeping coursework: weights under the section's lock, scores within bounds."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.academics.scope import taught_by
from sims_api.assessments import resources as r
from sims_api.auth.actor import Actor
from sims_api.broken_rules import term_closed
from sims_api.problems import not_found
from sims_api.versions import require_match
from sims_common.errors import FieldError, ValidationFailed
from sims_core.domain.assessments import WeightExceeded, check_weight
from sims_core.domain.enrollment import PRESENT_IN_SECTION
from sims_core.models import AcademicPeriod, Assessment, AssessmentScore, Enrollment, Section


async def open_section(session: AsyncSession, actor: Actor, section_id: int) -> None:
    """Holds the section, so that weights are added up by one at a time.

    Raises ``NotFound`` when it is not the actor's, ``Conflict`` when its term is closed.
    """
    statement = (
        select(Section.academic_period_id)
        .where(Section.id == section_id)
        .with_for_update(key_share=True)
    )
    if not actor.can(r.MANAGE):
        statement = statement.where(Section.id.in_(taught_by(actor.user_id)))
    period_id = await session.scalar(statement)
    if period_id is None:
        raise not_found("section")
    period = await session.execute(
        select(AcademicPeriod.name, AcademicPeriod.status)
        .where(AcademicPeriod.id == period_id)
        .with_for_update(read=True)
    )
    name, status = period.one()
    if status == "CLOSED":
        raise term_closed(name)


async def create(session: AsyncSession, actor: Actor, body: r.AssessmentIn) -> int:
    await open_section(session, actor, body.section)
    await _refuse_weight(session, body.section, body.weight)
    row = Assessment(**r.ASSESSMENTS.stored(body.model_dump()))
    session.add(row)
    await session.flush()
    return row.id


async def change(
    session: AsyncSession, actor: Actor, id_: int, body: r.AssessmentChange, if_match: str | None
) -> None:
    """Raises ``ValidationFailed`` also when a score would be above the new maximum."""
    row = await held(session, actor, id_, if_match)
    await _refuse_weight(session, row.section_id, body.weight, besides=id_)
    highest = await session.scalar(
        select(func.max(AssessmentScore.score)).where(AssessmentScore.assessment_id == id_)
    )
    if highest is not None and highest > body.max_score:
        text = f"A score of {highest} has been given; max_score cannot be less."
        raise ValidationFailed(text, errors=[FieldError("/max_score", "TOO_SMALL", text)])
    for name, value in body.model_dump().items():
        setattr(row, name, value)
    await session.flush()


async def held(session: AsyncSession, actor: Actor, id_: int, if_match: str | None) -> Assessment:
    """The assessment with its section, held. Raises ``NotFound``, ``PreconditionFailed``."""
    section_id = await session.scalar(select(Assessment.section_id).where(Assessment.id == id_))
    if section_id is None:
        raise not_found("assessment")
    await open_section(session, actor, section_id)
    row = await session.get(Assessment, id_, with_for_update=True)
    if row is None:
        raise not_found("assessment")
    require_match(if_match, row.version)
    return row


async def _refuse_weight(
    session: AsyncSession, section_id: int, weight: Decimal, besides: int = 0
) -> None:
    others = await session.scalars(
        select(Assessment.weight).where(
            Assessment.section_id == section_id, Assessment.id != besides
        )
    )
    try:
        check_weight(others, weight)
    except WeightExceeded as error:
        text = f"{error}."
        raise ValidationFailed(
            text, errors=[FieldError("/weight", "WEIGHT_EXCEEDED", text)]
        ) from error


async def score(session: AsyncSession, actor: Actor, body: r.ScoreIn) -> int:
    """Gives a score to a student of the section; the id."""
    assessment = await held(session, actor, body.assessment, None)
    enrolled = await session.scalar(
        select(Enrollment.id).where(
            Enrollment.section_id == assessment.section_id,
            Enrollment.student_id == body.student,
            Enrollment.status.in_(PRESENT_IN_SECTION),
        )
    )
    if enrolled is None:
        text = "This student is not enrolled in the section."
        raise ValidationFailed(text, errors=[FieldError("/student", "NOT_ENROLLED", text)])
    _refuse_score(assessment, body.score)
    row = AssessmentScore(**r.SCORES.stored(body.model_dump()))
    session.add(row)
    await session.flush()
    return row.id


async def held_score(
    session: AsyncSession, actor: Actor, id_: int, if_match: str | None
) -> tuple[AssessmentScore, Assessment]:
    """A score changes only against the version that was read: ``If-Match`` is required."""
    assessment_id = await session.scalar(
        select(AssessmentScore.assessment_id).where(AssessmentScore.id == id_)
    )
    if assessment_id is None:
        raise not_found("assessment score")
    assessment = await held(session, actor, assessment_id, None)
    row = await session.get(AssessmentScore, id_, with_for_update=True)
    if row is None:
        raise not_found("assessment score")
    require_match(if_match, row.version, mandatory=True)
    return row, assessment


async def change_score(
    session: AsyncSession, actor: Actor, id_: int, value: Decimal, if_match: str | None
) -> None:
    row, assessment = await held_score(session, actor, id_, if_match)
    _refuse_score(assessment, value)
    row.score = value
    await session.flush()


def _refuse_score(assessment: Assessment, value: Decimal) -> None:
    if value > assessment.max_score:
        text = f"The score is above the maximum of {assessment.max_score}."
        raise ValidationFailed(text, errors=[FieldError("/score", "SCORE_OUT_OF_RANGE", text)])
