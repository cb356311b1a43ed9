"""Changing a released result: asked for by one person, decided by another.

Both names come from the session. An approval applies exactly what was asked for, to exactly
the marks that were seen, and computes the result again; old and new values stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.exams import evaluation, marks
from sims_api.exams.evaluation import Marks
from sims_api.problems import not_found
from sims_api.results import schemas as s
from sims_api.results import workflow
from sims_api.results.scope import results_of
from sims_api.versions import require_match
from sims_common.clock import now
from sims_common.errors import Conflict, PermissionDenied, ValidationFailed
from sims_common.logs import get_logger
from sims_core.domain import passing
from sims_core.domain.results import RELEASED, ChangeStatus
from sims_core.domain.transcripts import TranscriptState
from sims_core.models import (
    ExamComponent,
    Result,
    ResultChange,
    ResultChangeItem,
    TranscriptRequest,
)

log = get_logger(__name__)

CREATE = "results.changes.create"


async def request(session: AsyncSession, actor: Actor, body: s.ChangeIn) -> int:
    """Records what shall change and why; the id. Nothing changes yet.

    Raises ``NotFound`` for a result out of reach, ``Conflict`` unless it is released or when
    another change waits, ``ValidationFailed`` for marks out of bounds or no change at all.
    """
    await _refuse_out_of_reach(session, actor, body.result)
    result = await workflow.locked(session, body.result)
    if result.status not in RELEASED:
        raise Conflict("It is not released; return it and enter the marks.", code="NOT_RELEASED")
    examination = await evaluation.load(session, result.exam_id, share=True)
    marks.refuse_marks(examination, [marks.Save(result.student_id, "", body.marks, "")])
    before = (await evaluation.marks_of(session, [result.id]))[result.id]
    after = marks.merged(before, body.marks)
    if after == before:
        raise ValidationFailed("These are the marks as they are.", code="NO_CHANGE")
    found = examination.evaluate(after)
    if not found.complete:
        raise ValidationFailed("A released result stays complete.", code="INCOMPLETE")
    change = ResultChange(
        result_id=result.id,
        reason=body.reason,
        requested_by_id=actor.user_id,
        old_total=result.total_obtained,
        new_total=found.total_obtained,
        old_outcome=result.final_outcome,
        new_outcome=found.outcome,
    )
    await _refuse_second_request(session, result.id)
    session.add(change)
    await session.flush()
    session.add_all(_items(change.id, before, after))
    await session.flush()
    log.info("result change requested", change_id=change.id, result_id=result.id)
    return change.id


async def _refuse_out_of_reach(session: AsyncSession, actor: Actor, result_id: int) -> None:
    """Without ``CREATE`` the scope of results decides, less what a student sees of the own."""
    if actor.can(CREATE):
        return
    statement = select(Result.id).where(Result.id == result_id)
    visible = results_of(actor)
    if visible is not None:
        statement = statement.where(visible)
    if actor.student_id is not None:
        statement = statement.where(Result.student_id != actor.student_id)
    if await session.scalar(statement) is None:
        raise not_found("result")


async def _refuse_second_request(session: AsyncSession, result_id: int) -> None:
    waiting = await session.scalar(
        select(ResultChange.id).where(
            ResultChange.result_id == result_id, ResultChange.status == ChangeStatus.PENDING
        )
    )
    if waiting is not None:
        raise Conflict(f"Change request {waiting} of this result waits.", code="CHANGE_PENDING")


def _items(change_id: int, before: Marks, after: Marks) -> list[ResultChangeItem]:
    def state(mark: passing.Mark | None, which: str) -> dict[str, object]:
        return {
            f"{which}_marks": mark.obtained if mark else None,
            f"{which}_absent": mark.absent if mark else False,
        }

    return [
        ResultChangeItem(
            change_id=change_id,
            exam_component_id=part,
            **state(before.get(part), "old"),
            **state(after.get(part), "new"),
        )
        for part in sorted(before.keys() | after.keys())
        if before.get(part) != after.get(part)
    ]


async def approve(
    session: AsyncSession, actor: Actor, change_id: int, reason: str, if_match: str | None
) -> None:
    """Applies the change. Raises ``PermissionDenied`` for who asked for it, ``Conflict`` when
    it is decided already or the result is not the one that was seen."""
    change, result = await _held(session, change_id, if_match)
    if change.requested_by_id == actor.user_id:
        raise PermissionDenied(
            "A second person approves; you asked for this change.", code="SECOND_PERSON_REQUIRED"
        )
    examination = await evaluation.load(session, result.exam_id, share=True)
    before = await evaluation.marks_of(session, [result.id])
    after = dict(before[result.id])
    for item in await _items_of(session, change_id):
        if after.get(item.exam_component_id) != _mark(item.old_marks, absent=item.old_absent):
            raise Conflict(
                "The marks are not those that this was asked for; reject it and ask again.",
                code="RESULT_CHANGED",
            )
        after.pop(item.exam_component_id, None)
        new = _mark(item.new_marks, absent=item.new_absent)
        if new is not None:
            after[item.exam_component_id] = new
    result.revised_at = now()
    await session.flush()
    await marks.write_marks(
        session, examination, before, {result.id: after}, by=change.requested_by_id
    )
    _resolve(change, actor, ChangeStatus.APPROVED, reason)
    await session.flush()
    log.info("result changed", change_id=change_id, result_id=result.id)


async def reject(
    session: AsyncSession, actor: Actor, change_id: int, reason: str, if_match: str | None
) -> None:
    """Leaves the result as it is. Who asked may take the request back this way."""
    change, _ = await _held(session, change_id, if_match)
    _resolve(change, actor, ChangeStatus.REJECTED, reason)
    await session.flush()
    log.info("result change rejected", change_id=change_id)


async def _held(
    session: AsyncSession, change_id: int, if_match: str | None
) -> tuple[ResultChange, Result]:
    """The pending change and its result, held; the result first, as everybody does."""
    result_id = await session.scalar(
        select(ResultChange.result_id).where(ResultChange.id == change_id)
    )
    if result_id is None:
        raise not_found("change request")
    result = await workflow.locked(session, result_id)
    change = await session.get_one(ResultChange, change_id, with_for_update=True)
    require_match(if_match, change.version)
    if change.status != ChangeStatus.PENDING:
        raise Conflict(f"It has been {change.status} already.", code="CHANGE_RESOLVED")
    return change, result


def _mark(obtained: Decimal | None, *, absent: bool) -> passing.Mark | None:
    return passing.Mark(obtained) if absent or obtained is not None else None


def _resolve(change: ResultChange, actor: Actor, status: ChangeStatus, reason: str) -> None:
    change.status, change.resolution = status, reason
    change.resolved_by_id, change.resolved_at = actor.user_id, now()


async def _items_of(session: AsyncSession, change_id: int) -> Sequence[ResultChangeItem]:
    statement = select(ResultChangeItem).where(ResultChangeItem.change_id == change_id)
    return (await session.scalars(statement)).all()


async def detail(session: AsyncSession, change: s.ChangeOut) -> s.ChangeDetailOut:
    """With the marks before and after, and how many mailed transcripts it outdates."""
    rows = await session.execute(
        select(
            ResultChangeItem.exam_component_id.label("exam_component"),
            ExamComponent.name.label("component_name"),
            ResultChangeItem.old_marks,
            ResultChangeItem.old_absent,
            ResultChangeItem.new_marks,
            ResultChangeItem.new_absent,
        )
        .join(ExamComponent, ExamComponent.id == ResultChangeItem.exam_component_id)
        .where(ResultChangeItem.change_id == change.id)
        .order_by(ExamComponent.sequence)
    )
    mailed = 0
    if change.status is ChangeStatus.APPROVED:
        mailed = (
            await session.scalar(
                select(func.count()).where(
                    TranscriptRequest.student_id == change.student,
                    TranscriptRequest.state == TranscriptState.SENT,
                    TranscriptRequest.sent_at < change.resolved_at,
                )
            )
            or 0
        )
    return s.ChangeDetailOut(
        **change.model_dump(),
        items=[s.ChangeItemOut.model_validate(row) for row in rows],
        superseded_transcripts=mailed,
    )
