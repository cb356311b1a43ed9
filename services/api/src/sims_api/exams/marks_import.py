"""Marks from CSV: one line a candidate and component, previewed against the grid.

The commit goes through the grid's own save, so the same rules hold. A row that was changed
since the preview is left alone and counted as skipped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from fastapi import Form, Query
from pydantic import Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor, CurrentActor
from sims_api.database import Db
from sims_api.exams import evaluation, grid, marks
from sims_api.exams import schemas as s
from sims_api.exams.scope import MARKS_ENTER, MARKS_ENTER_OWN
from sims_api.fields import MAX_ID, Code, Digits, Input, Name
from sims_api.imports.importer import UPSERT, Applied, CellError, Change, Commit, Importer, Planner
from sims_api.imports.routes import router_of
from sims_core.domain import passing

ABSENT = "absent"
Cell = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20)]


class MarkRow(Input):
    """One line: ``marks`` is a number, ``absent``, or empty to take the entry back."""

    reg_no: Code
    component: Name
    marks: Cell | None = Field(None)


async def _context(
    session: Db, _actor: CurrentActor, exam: Annotated[int, Form(ge=1, le=MAX_ID), Digits]
) -> dict[str, Any]:
    """The exam that the file is of, while marks of it can be entered."""
    await marks.open_exam(session, exam)
    return {"exam": exam}


async def prepare(
    session: AsyncSession, _rows: Sequence[MarkRow], context: Mapping[str, Any], actor: Actor
) -> Planner:
    """The grid as the actor sees it: whoever is not in it cannot be marked."""
    examination = await evaluation.load(session, context["exam"])
    parts = {c.name.casefold(): c for c in examination.components}
    rows = await _grid(session, actor, examination)
    known = {row.reg_no: row for row in rows}

    def plan(line: MarkRow) -> Change | list[CellError]:
        row, part = known.get(line.reg_no), parts.get(line.component.casefold())
        if row is None:
            return [CellError("reg_no", f"{line.reg_no} is no candidate of yours in this exam")]
        if part is None:
            names = ", ".join(c.name for c in examination.components)
            return [CellError("component", f"{line.component!r} is not one of {names}")]
        value = _typed(line.marks, part)
        if isinstance(value, CellError):
            return [value]
        now = next((m for m in row.marks if m.component == part.id), None)
        stored: dict[str, str | None] | None = None if now is None else {"marks": _written(now)}
        if stored is None and value is None:
            stored = {"marks": None}
        guard = {"student": row.student, "component": part.id, "etag": row.etag}
        return Change({"marks": value}, stored, guard)

    return plan


async def _grid(
    session: AsyncSession, actor: Actor, examination: evaluation.Examination
) -> list[s.RowOut]:
    statement = grid.rows_statement(examination, actor, everything=MARKS_ENTER, section=None)
    return await grid.rows(session, examination, statement)


def _typed(sent: str | None, part: Any) -> str | CellError | None:
    """The cell in its one written form: two places, ``absent`` or None."""
    if not sent:
        return None
    if sent.casefold() == ABSENT:
        return ABSENT
    try:
        value = Decimal(sent)
        fits = value.is_finite() and value == value.quantize(Decimal("0.01"))
    except InvalidOperation:
        return CellError("marks", f"{sent!r} is neither a number nor {ABSENT}")
    if not fits:
        return CellError("marks", f"{sent!r} has more than two places")
    component = passing.Component(part.id, part.max_marks)
    try:
        passing.check_mark(component, passing.Mark(value))
    except passing.MarkRefused as error:
        return CellError("marks", str(error))
    return f"{value:.2f}"


def _written(mark: s.MarkOut) -> str:
    return ABSENT if mark.is_absent else f"{mark.marks_obtained:.2f}"


async def apply(commit: Commit) -> Applied:
    """All through one save of the grid; rows changed since the preview are skipped."""
    lines: dict[tuple[int, str], list[s.MarkIn]] = defaultdict(list)
    for line in (*commit.created, *commit.updated):
        lines[line["student"], line["etag"]].append(_mark(line))
    saves = [
        marks.Save(student, etag, sent, f"/{student}") for (student, etag), sent in lines.items()
    ]
    saved = await marks.enter(
        commit.session, commit.actor, commit.context["exam"], saves, skip_stale=True
    )
    done = {row.student for row in saved}
    return Applied(
        created=sum(line["student"] in done for line in commit.created),
        updated=sum(line["student"] in done for line in commit.updated),
    )


def _mark(line: Mapping[str, Any]) -> s.MarkIn:
    value = line["marks"]
    return s.MarkIn(
        component=line["component"],
        marks_obtained=None if value in (None, ABSENT) else Decimal(value),
        is_absent=value == ABSENT,
    )


async def example(
    session: Db, actor: CurrentActor, exam: Annotated[int, Query(ge=1, le=MAX_ID), Digits]
) -> list[list[str]]:
    """Every candidate in reach with each component and what is entered so far."""
    examination = await evaluation.load(session, exam)
    found = []
    for row in await _grid(session, actor, examination):
        entered = {mark.component: _written(mark) for mark in row.marks}
        found += [[row.reg_no, c.name, entered.get(c.id, "")] for c in examination.components]
    return found


MARKS_IMPORT = Importer(
    name="marks",
    path="exams/marks/import",
    permission=MARKS_ENTER,
    own=MARKS_ENTER_OWN,
    row=MarkRow,
    key=("reg_no", "component"),
    prepare=prepare,
    apply=apply,
    modes=(UPSERT,),
    context=_context,
    form_fields=("exam",),
    example=example,
)

router = router_of(MARKS_IMPORT)
