"""Entering marks: all rows of a save or none, each against the version that was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.broken_rules import term_closed
from sims_api.exams import evaluation, grid
from sims_api.exams import schemas as s
from sims_api.exams.evaluation import Examination, Marks
from sims_api.exams.scope import MARKS_ENTER
from sims_api.problems import not_found
from sims_api.versions import matches
from sims_common.errors import Conflict, FieldError, PreconditionFailed, ValidationFailed
from sims_common.logs import get_logger
from sims_core.domain import passing
from sims_core.domain.results import ResultStatus
from sims_core.models import Result, ResultComponent

log = get_logger(__name__)


@dataclass(frozen=True)
class Save:
    """What one candidate's row shall become; ``at`` points into the body that was sent."""

    student: int
    etag: str
    marks: Sequence[s.MarkIn]
    at: str


async def enter(
    session: AsyncSession,
    actor: Actor,
    exam_id: int,
    saves: Sequence[Save],
    *,
    skip_stale: bool = False,
) -> list[s.RowOut]:
    """Stores the marks and computes the results; the rows as they are then.

    Raises ``NotFound`` for a candidate out of reach, ``ValidationFailed`` for a mark that its
    component cannot take, ``Conflict`` when the period is closed or a result is no draft any
    more, and ``PreconditionFailed`` with the rows as they are now (``conflicts``) when
    somebody was faster. Then nothing is stored: the caller still has all that was typed.
    With ``skip_stale`` such rows are left as they are, and out of the answer.
    """
    examination = await open_exam(session, exam_id)
    await _refuse_strangers(session, actor, examination, [save.student for save in saves])
    refuse_marks(examination, saves)
    results = await _locked(session, examination, [save.student for save in saves])
    if skip_stale:
        saves = [save for save in saves if matches(save.etag, results[save.student][1])]
        results = {save.student: results[save.student] for save in saves}
    await _refuse_stale(session, actor, examination, saves, results)
    _refuse_beyond_draft(saves, results)
    changed = await _write(session, actor, examination, saves, results)
    log.info("marks entered", exam_id=exam_id, rows=len(saves), changed=changed)
    return await _rows(session, actor, examination, [save.student for save in saves])


async def open_exam(session: AsyncSession, exam_id: int) -> Examination:
    """The exam, shared, while marks can be entered. Raises ``NotFound`` or ``Conflict``."""
    examination = await evaluation.load(session, exam_id, share=True)
    if examination.closed:
        raise term_closed(examination.period)
    if not examination.components:
        raise Conflict("The exam has no components yet; add them.", code="EXAM_WITHOUT_COMPONENTS")
    return examination


async def _rows(
    session: AsyncSession, actor: Actor, examination: Examination, students: Sequence[int]
) -> list[s.RowOut]:
    statement = grid.rows_statement(examination, actor, everything=MARKS_ENTER, section=None)
    wanted = statement.where(statement.selected_columns.student.in_(students))
    return await grid.rows(session, examination, wanted)


async def _refuse_strangers(
    session: AsyncSession, actor: Actor, examination: Examination, students: Sequence[int]
) -> None:
    known = {row.student for row in await _rows(session, actor, examination, students)}
    unknown = sorted(set(students) - known)
    if unknown:
        raise not_found(f"candidate of this exam: {', '.join(map(str, unknown[:20]))}")


def refuse_marks(examination: Examination, saves: Sequence[Save]) -> None:
    """Raises ``ValidationFailed`` that names each mark its component cannot take."""
    parts = {part.key: part for part in evaluation.parts_of(examination.components)}
    names = {c.id: c.name for c in examination.components}
    errors: list[FieldError] = []
    for save in saves:
        for n, mark in enumerate(save.marks):
            at = f"{save.at}/marks/{n}"
            if mark.component not in parts:
                text = "There is no such component of this exam."
                errors.append(FieldError(f"{at}/component", "DOES_NOT_EXIST", text))
            elif mark.marks_obtained is not None:
                try:
                    passing.check_mark(parts[mark.component], passing.Mark(mark.marks_obtained))
                except passing.MarkRefused as error:
                    text = f"{names[mark.component]}: {error}."
                    errors.append(FieldError(f"{at}/marks_obtained", "MARKS_OUT_OF_RANGE", text))
    if errors:
        raise ValidationFailed(errors[0].message, errors=errors)


async def _locked(
    session: AsyncSession, examination: Examination, students: Sequence[int]
) -> dict[int, tuple[Result, int]]:
    """Each student's result, held, and its version; one that we make here has version 0."""
    held = (
        select(Result)
        .where(Result.exam_id == examination.exam.id, Result.student_id.in_(students))
        .order_by(Result.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {r.student_id: (r, r.version) for r in await session.scalars(held)}
    missing = sorted(set(students) - found.keys())
    if not missing:
        return found
    blank = evaluation.computed(examination.evaluate({}))
    made = await session.scalars(
        insert(Result)
        .values([{"exam_id": examination.exam.id, "student_id": id_, **blank} for id_ in missing])
        .on_conflict_do_nothing()
        .returning(Result.student_id)
    )
    new = set(made)
    for result in await session.scalars(held):
        version = 0 if result.student_id in new else result.version
        found[result.student_id] = (result, version)
    return found


async def _refuse_stale(
    session: AsyncSession,
    actor: Actor,
    examination: Examination,
    saves: Sequence[Save],
    results: dict[int, tuple[Result, int]],
) -> None:
    stale = [save for save in saves if not matches(save.etag, results[save.student][1])]
    if not stale:
        return
    now = await _rows(session, actor, examination, [save.student for save in stale])
    errors = [
        FieldError(save.at, "VERSION_MISMATCH", "Somebody else has changed this row.")
        for save in stale
    ]
    names = ", ".join(row.reg_no for row in now[:20])
    raise PreconditionFailed(
        f"Changed since you read it: {names}. Nothing was stored; compare and save again.",
        errors=errors,
        headers={"ETag": now[0].etag} if len(saves) == 1 else {},
        conflicts=[row.model_dump(mode="json") for row in now],
    )


def _refuse_beyond_draft(saves: Sequence[Save], results: dict[int, tuple[Result, int]]) -> None:
    done = [save for save in saves if results[save.student][0].status != ResultStatus.DRAFT]
    if done:
        text = "This result is no draft any more."
        raise Conflict(
            "Verified results are returned first; released ones change by a change request.",
            code="IMMUTABLE_RESULT",
            errors=[FieldError(save.at, "IMMUTABLE_RESULT", text) for save in done],
        )


async def _write(
    session: AsyncSession,
    actor: Actor,
    examination: Examination,
    saves: Sequence[Save],
    results: dict[int, tuple[Result, int]],
) -> int:
    """Rows that changed. A row that is as it was keeps its version."""
    ids = [result.id for result, _ in results.values()]
    before = await evaluation.marks_of(session, ids)
    after: dict[int, Marks] = {}
    for save in saves:
        result, version = results[save.student]
        marks = merged(before[result.id], save.marks)
        if marks != before[result.id] or version == 0:
            after[result.id] = marks
    await write_marks(session, examination, before, after, by=actor.user_id)
    return len(after)


def merged(before: Marks, sent: Sequence[s.MarkIn]) -> Marks:
    after = dict(before)
    for mark in sent:
        if mark.marks_obtained is None and not mark.is_absent:
            after.pop(mark.component, None)
        else:
            after[mark.component] = passing.Mark(mark.marks_obtained)
    return after


async def write_marks(
    session: AsyncSession,
    examination: Examination,
    before: dict[int, Marks],
    after: dict[int, Marks],
    *,
    by: int,
) -> dict[int, passing.Evaluation]:
    """Stores the cells that differ, then totals and outcomes; the caller holds the results."""
    evaluated = {id_: examination.evaluate(marks) for id_, marks in after.items()}
    gone = [
        (id_, part) for id_, marks in after.items() for part in before[id_] if part not in marks
    ]
    if gone:
        cell = tuple_(ResultComponent.result_id, ResultComponent.exam_component_id)
        await session.execute(delete(ResultComponent).where(cell.in_(gone)))
    cells = [
        {
            "result_id": id_,
            "exam_component_id": part,
            "marks_obtained": mark.obtained,
            "is_absent": mark.absent,
            "component_outcome": str(evaluated[id_].components[part]),
            "entered_by_id": by,
        }
        for id_, marks in after.items()
        for part, mark in marks.items()
        if before[id_].get(part) != mark
    ]
    if cells:
        statement = insert(ResultComponent).values(cells)
        names = ("marks_obtained", "is_absent", "component_outcome", "entered_by_id")
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["result_id", "exam_component_id"],
                set_={
                    **{name: getattr(statement.excluded, name) for name in names},
                    "updated_at": func.now(),
                },
            )
        )
    if evaluated:
        await evaluation.store(session, evaluated)
    return evaluated
