"""The marks grid of an exam."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from sqlalchemy import func, select

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.exams import evaluation, grid, marks
from sims_api.exams import schemas as s
from sims_api.exams.resources import EXAMS
from sims_api.exams.scope import MARKS_ENTER, MARKS_ENTER_OWN, MARKS_VIEW, MARKS_VIEW_OWN
from sims_api.fields import MAX_ID, Digits
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.resource import Id, find
from sims_api.versions import IfMatch
from sims_common.errors import PreconditionRequired

router = APIRouter(prefix="/api/exams", tags=["marks"], route_class=StrictRoute)

Reader = Annotated[Actor, allow(MARKS_VIEW, own=MARKS_VIEW_OWN)]
Marker = Annotated[Actor, allow(MARKS_ENTER, own=MARKS_ENTER_OWN)]
Section = Annotated[int | None, Query(ge=1, le=MAX_ID), Digits]


@router.get("/{id}/grid/")
async def read_grid(
    session: Db,
    actor: Reader,
    id: Id,  # noqa: A002 (the parameter's public name)
    section: Section = None,
    page: Annotated[int, Query(ge=1, le=10**6), Digits] = 1,
    page_size: Annotated[int, Query(ge=1, le=s.MAX_ROWS), Digits] = s.MAX_ROWS,
) -> s.GridOut:
    """Candidates by registration number, with marks, totals and the ETag of each row."""
    examination = await evaluation.load(session, id)
    statement = grid.rows_statement(examination, actor, section=section)
    count = await session.scalar(select(func.count()).select_from(statement.subquery()))
    part = statement.limit(page_size).offset((page - 1) * page_size)
    exam = await find(session, EXAMS, id, actor)
    return s.GridOut(
        exam=s.ExamOut.model_validate(exam),
        components=[s.ComponentOut.model_validate(_component(c)) for c in examination.components],
        closed=examination.closed,
        count=count or 0,
        rows=await grid.rows(session, examination, part),
    )


def _component(row: Any) -> dict[str, Any]:
    names = s.ComponentOut.model_fields.keys() - {"exam"}
    return {"exam": row.exam_id, **{name: getattr(row, name) for name in names}}


@router.patch("/{id}/grid/{student_id}/", response_model=s.RowOut)
async def save_row(
    session: Db,
    actor: Marker,
    id: Id,  # noqa: A002
    student_id: Id,
    body: s.MarksIn,
    if_match: IfMatch = None,
) -> Response:
    """Saves marks of one candidate. ``If-Match`` is the row's ETag; ``"0"`` when it has none."""
    if if_match is None:
        raise PreconditionRequired("Send If-Match with the ETag of the row that you read.")
    save = marks.Save(student_id, if_match, body.marks, "")
    (row,) = await marks.enter(session, actor, id, [save])
    return JSONResponse(row.model_dump(mode="json"), headers={"ETag": row.etag})


@router.post("/{id}/grid/", response_model=s.SavedOut)
async def save_grid(
    session: Db,
    actor: Marker,
    id: Id,  # noqa: A002
    once: AtMostOnce,
    body: s.GridIn,
) -> Any:
    """Saves the marks of many candidates, all of them or none.

    When a row was changed since it was read, the answer is a 412 whose ``conflicts`` hold
    those rows as they are now, with who entered what.
    """

    async def save() -> s.SavedOut:
        saves = [
            marks.Save(row.student, row.etag, row.marks, f"/rows/{n}")
            for n, row in enumerate(body.rows)
        ]
        rows = await marks.enter(session, actor, id, saves)
        return s.SavedOut(saved=len(rows), rows=rows)

    return await once.run(save, status=200)
