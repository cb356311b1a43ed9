"""An exam with its rule and components, and results computed from marks.

Locks are taken in one order by everybody: exam, academic period, results by id. Who changes
the rule holds the exam for update; who enters marks or moves results shares it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.problems import not_found
from sims_common.errors import Conflict
from sims_core.domain import passing
from sims_core.domain.results import ResultStatus
from sims_core.models import AcademicPeriod, Exam, ExamComponent, Result, ResultComponent

Marks = dict[int, passing.Mark]


@dataclass(frozen=True)
class Examination:
    """An exam as far as marks need it, and the name of its academic period."""

    exam: Exam
    components: Sequence[ExamComponent]
    period: str
    closed: bool

    def evaluate(self, marks: Marks) -> passing.Evaluation:
        return passing.evaluate(policy_of(self.exam), parts_of(self.components), marks)


def policy_of(exam: Any) -> passing.Policy:
    return passing.Policy(
        mode=passing.PassingMode(exam.passing_mode),
        pass_total_marks=exam.pass_total_marks,
        pass_total_percent=exam.pass_total_percent,
        fail_if_any_component_fail=exam.fail_if_any_component_fail,
    )


def parts_of(components: Sequence[ExamComponent]) -> list[passing.Component]:
    return [
        passing.Component(
            key=c.id,
            max_marks=c.max_marks,
            pass_marks=c.pass_marks,
            pass_percent=c.pass_percent,
            mandatory=c.is_mandatory_to_pass,
        )
        for c in components
    ]


async def components_of(session: AsyncSession, exam_id: int) -> Sequence[ExamComponent]:
    statement = (
        select(ExamComponent)
        .where(ExamComponent.exam_id == exam_id)
        .order_by(ExamComponent.sequence)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).all()


async def load(session: AsyncSession, exam_id: int, *, share: bool = False) -> Examination:
    """The exam; with ``share`` neither it nor its period's state changes until we are done.

    Raises ``NotFound``.
    """
    statement = select(Exam).where(Exam.id == exam_id)
    period = select(AcademicPeriod.name, AcademicPeriod.status)
    if share:
        statement = statement.with_for_update(read=True)
        period = period.with_for_update(read=True)
    exam = (await session.scalars(statement)).one_or_none()
    if exam is None:
        raise not_found("exam")
    found = await session.execute(period.where(AcademicPeriod.id == exam.academic_period_id))
    name, status = found.one()
    return Examination(exam, await components_of(session, exam_id), name, status == "CLOSED")


async def hold_for_change(session: AsyncSession, exam_id: int) -> Exam:
    """The exam, held alone, while its rule may still change.

    Raises ``NotFound``, or ``Conflict`` once a result has been verified by the old rule.
    """
    exam = await session.get(Exam, exam_id, with_for_update=True)
    if exam is None:
        raise not_found("exam")
    await refuse_after_verification(session, exam_id)
    return exam


async def refuse_after_verification(session: AsyncSession, exam_id: int) -> None:
    beyond = select(func.count()).where(
        Result.exam_id == exam_id, Result.status != ResultStatus.DRAFT
    )
    count = await session.scalar(beyond)
    if count:
        raise Conflict(
            f"{count} results of this exam have been verified by its rule as it is. Return"
            " them first; a released result changes by a change request alone.",
            code="EXAM_IN_USE",
        )


async def marks_of(session: AsyncSession, result_ids: Sequence[int]) -> dict[int, Marks]:
    """The marks of each of these results, by component."""
    rows = await session.execute(
        select(
            ResultComponent.result_id,
            ResultComponent.exam_component_id,
            ResultComponent.marks_obtained,
        ).where(ResultComponent.result_id.in_(result_ids))
    )
    found: dict[int, Marks] = {id_: {} for id_ in result_ids}
    for result_id, component_id, obtained in rows:
        found[result_id][component_id] = passing.Mark(obtained)
    return found


def computed(found: passing.Evaluation) -> dict[str, Any]:
    """The columns of a result that its marks decide."""
    return {
        "total_obtained": found.total_obtained,
        "total_max": found.total_max,
        "final_outcome": found.outcome,
        "is_complete": found.complete,
    }


async def recompute_drafts(
    session: AsyncSession, exam_id: int, policy: passing.Policy | None = None
) -> None:
    """Applies a changed rule, or changed components, to the exam's drafts.

    ``policy`` is the new rule when it is not stored yet.
    """
    ids = (
        await session.scalars(
            select(Result.id)
            .where(Result.exam_id == exam_id, Result.status == ResultStatus.DRAFT)
            .order_by(Result.id)
            .with_for_update()
        )
    ).all()
    if not ids:
        return
    exam = await session.get_one(Exam, exam_id)
    parts = parts_of(await components_of(session, exam_id))
    if not parts:
        raise Conflict("Candidates are registered: an exam needs a component.", code="EXAM_IN_USE")
    marks = await marks_of(session, ids)
    rule = policy or policy_of(exam)
    evaluated = {id_: passing.evaluate(rule, parts, marks[id_]) for id_ in ids}
    await store(session, evaluated)


async def store(session: AsyncSession, evaluated: dict[int, passing.Evaluation]) -> None:
    """Writes totals, outcomes and components' outcomes; each row's version goes up."""
    connection = await session.connection()
    rows = [{"row_id": id_, **computed(found)} for id_, found in evaluated.items()]
    await connection.execute(
        update(Result)
        .where(Result.id == bindparam("row_id"))
        .values(
            **{name: bindparam(name) for name in rows[0] if name != "row_id"},
            version=Result.version + 1,
            updated_at=func.now(),
        ),
        rows,
    )
    cells = [
        {"row_id": id_, "part": part, "said": str(outcome)}
        for id_, found in evaluated.items()
        for part, outcome in found.components.items()
        if outcome is not passing.ComponentOutcome.NA
    ]
    if cells:
        await connection.execute(
            update(ResultComponent)
            .where(
                ResultComponent.result_id == bindparam("row_id"),
                ResultComponent.exam_component_id == bindparam("part"),
            )
            .values(component_outcome=bindparam("said")),
            cells,
        )
