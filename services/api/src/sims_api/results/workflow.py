"""Moving results: draft → verified → published → frozen, one exam or one result at a time.

Who moves comes from the session. All of a move is one transaction under row locks, taken in
the order that ``exams.evaluation`` sets.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.exams import evaluation
from sims_api.problems import not_found
from sims_api.results import schemas as s
from sims_api.versions import require_match
from sims_common.clock import now
from sims_common.errors import Conflict
from sims_common.logs import get_logger
from sims_core.domain.results import FREEZE, PUBLISH, RETURN, VERIFY, Outcome, ResultStatus, Step
from sims_core.models import Result, Student

log = get_logger(__name__)

REFUSALS = {
    VERIFY: "NOT_VERIFIABLE",
    RETURN: "NOT_RETURNABLE",
    PUBLISH: "NOT_PUBLISHABLE",
    FREEZE: "NOT_FREEZABLE",
}
REASONS = {
    "INCOMPLETE": "A mandatory component has no entry; enter marks or absent.",
    "OUTCOME_PENDING": "The exam's rule gives no outcome; complete marks and rule.",
    "WITHHELD": "It is held back; release it first.",
}


async def move_exam(session: AsyncSession, actor: Actor, exam_id: int, step: Step) -> s.MovedOut:
    """Takes each result of the exam that stands before ``step`` over it.

    Those that must stay are named with the reason; the rest does not wait for them.
    """
    await evaluation.load(session, exam_id, share=True)
    rows = (
        await session.execute(
            select(
                Result.id,
                Result.student_id,
                Result.is_complete,
                Result.final_outcome,
                Result.withheld_at,
                Student.reg_no,
            )
            .join(Student, Result.student_id == Student.id)
            .where(Result.exam_id == exam_id, Result.status == step.before)
            .order_by(Result.id)
            .with_for_update(of=Result)
        )
    ).all()
    reasons = {row.id: _reason_to_stay(row, step) for row in rows}
    moving = [id_ for id_, reason in reasons.items() if reason is None]
    await _move(session, actor, moving, step)
    left = [
        s.LeftOut(result=row.id, student=row.student_id, reg_no=row.reg_no, reason=reason)
        for row in rows
        if (reason := reasons[row.id]) is not None
    ]
    log.info("results moved", exam_id=exam_id, step=step.name, moved=len(moving), left=len(left))
    counts = await _counts(session, exam_id)
    return s.MovedOut(exam=exam_id, step=step.name, moved=len(moving), left=left, counts=counts)


async def _counts(session: AsyncSession, exam_id: int) -> dict[ResultStatus, int]:
    rows = await session.execute(
        select(Result.status, func.count()).where(Result.exam_id == exam_id).group_by(Result.status)
    )
    found = Counter({ResultStatus(status): n for status, n in rows})
    return {status: found[status] for status in ResultStatus}


async def move_one(
    session: AsyncSession, actor: Actor, result_id: int, step: Step, if_match: str | None
) -> None:
    """Raises ``NotFound``, ``PreconditionFailed``, or ``Conflict`` when the result may not move."""
    result = await locked(session, result_id)
    require_match(if_match, result.version)
    if result.status != step.before:
        raise Conflict(
            f"It is {result.status}; {step.name} takes a {step.before} result.", code=REFUSALS[step]
        )
    reason = _reason_to_stay(result, step)
    if reason is not None:
        raise Conflict(REASONS[reason], code=reason)
    await _move(session, actor, [result_id], step)
    log.info("results moved", result_id=result_id, step=step.name, moved=1, left=0)


async def locked(session: AsyncSession, result_id: int) -> Result:
    """The result, held until the transaction ends, its exam shared. Raises ``NotFound``."""
    exam_id = await session.scalar(select(Result.exam_id).where(Result.id == result_id))
    if exam_id is None:
        raise not_found("result")
    await evaluation.load(session, exam_id, share=True)
    result = await session.get(Result, result_id, with_for_update=True, populate_existing=True)
    if result is None:
        raise not_found("result")
    return result


def _reason_to_stay(row: Row[*tuple[Any, ...]] | Result, step: Step) -> str | None:
    if step is VERIFY and not row.is_complete:
        return "INCOMPLETE"
    if step is VERIFY and row.final_outcome == Outcome.PENDING:
        return "OUTCOME_PENDING"
    if step is PUBLISH and row.withheld_at is not None:
        return "WITHHELD"
    return None


async def _move(session: AsyncSession, actor: Actor, ids: list[int], step: Step) -> None:
    if not ids:
        return
    at, by = now(), actor.user_id
    stamps: dict[Step, dict[str, Any]] = {
        VERIFY: {"verified_at": at, "verified_by_id": by},
        RETURN: {"verified_at": None, "verified_by_id": None},
        PUBLISH: {"published_at": at, "published_by_id": by},
        FREEZE: {"frozen_at": at, "frozen_by_id": by},
    }
    await session.execute(
        update(Result)
        .where(Result.id.in_(ids))
        .values(status=step.after, version=Result.version + 1, updated_at=at, **stamps[step])
    )


async def withhold(
    session: AsyncSession, actor: Actor, result_id: int, reason: str, if_match: str | None
) -> None:
    """Keeps one result out of the publication of its exam. Raises ``Conflict`` once released."""
    result = await locked(session, result_id)
    require_match(if_match, result.version)
    if result.status not in (ResultStatus.DRAFT, ResultStatus.VERIFIED):
        raise Conflict("A released result cannot be held back.", code="NOT_WITHHOLDABLE")
    result.withheld_at, result.withheld_by_id = now(), actor.user_id
    result.withheld_reason = reason
    await session.flush()


async def release(session: AsyncSession, result_id: int, if_match: str | None) -> None:
    """Ends a withholding; publishing is a step of its own."""
    result = await locked(session, result_id)
    require_match(if_match, result.version)
    if result.withheld_at is None:
        raise Conflict("It is not held back.", code="NOT_WITHHELD")
    result.withheld_at, result.withheld_by_id, result.withheld_reason = None, None, ""
    await session.flush()
