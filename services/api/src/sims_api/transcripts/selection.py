"""Whose transcripts a batch is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.problems import not_found
from sims_api.students.scope import students_of
from sims_api.transcripts.schemas import EnqueueBatch, LeftOut
from sims_api.transcripts.scope import REQUEST
from sims_common.errors import FieldError, ValidationFailed
from sims_core.domain.enrollment import PRESENT_IN_SECTION
from sims_core.holds import Blocked
from sims_core.models import Batch, Enrollment, Group, Hold, Program, Section, Student

LARGEST = 10_000  # students of one batch
_NAMED = 20  # in an error's text

Found = Row[int, str, str | None, bool]

_HELD = (
    exists()
    .where(Hold.student_id == Student.id, Hold.released_at.is_(None), Hold.blocks_transcripts)
    .label("held")
)


@dataclass(frozen=True)
class Selection:
    """Students who get one, and those of a whole class who cannot."""

    students: Sequence[Found]
    left_out: list[LeftOut]


async def by_ids(session: AsyncSession, actor: Actor, ids: list[int]) -> list[Found]:
    """(id, reg_no, email, held) of each; ``NotFound`` when one is out of scope or missing."""
    rows = await _rows(session, actor, Student.id.in_(ids))
    if len(rows) != len(ids):
        unknown = sorted(set(ids) - {row.id for row in rows})
        raise not_found(f"student: {_listed([str(id_) for id_ in unknown])}")
    return rows


async def select_students(session: AsyncSession, actor: Actor, body: EnqueueBatch) -> Selection:
    """Who was named is meant: a gap among ids refuses the batch whole. Of a class, those
    without an address or under a hold are left out, and said.

    Raises ``NotFound``, ``ValidationFailed``, ``Blocked``.
    """
    if body.student_ids is not None:
        students = await by_ids(session, actor, list(dict.fromkeys(body.student_ids)))
        _refuse_gaps(students)
        return Selection(students, [])
    rows = await _rows(session, actor, await _of_class(session, body), Student.status == "active")
    if len(rows) > LARGEST:
        text = f"These are {len(rows)} students; ask for at most {LARGEST} at once."
        raise ValidationFailed(text, errors=[FieldError("", "TOO_MANY", text)])
    able = [row for row in rows if row.email and not row.held]
    left_out = [
        LeftOut(student_id=row.id, reg_no=row.reg_no, code="HELD" if row.held else "EMAIL_MISSING")
        for row in rows
        if row.held or not row.email
    ]
    if not able:
        text = "Nobody there can get a transcript: no active student with an address and no hold."
        raise ValidationFailed(text, code="NOBODY_SELECTED")
    return Selection(able, left_out)


def _refuse_gaps(students: Sequence[Found]) -> None:
    held = [s.reg_no for s in students if s.held]
    if held:
        raise Blocked(f"Held: {_listed(held)}. Settle that first, or leave them out.", reasons=held)
    missing = [s.reg_no for s in students if not s.email]
    if missing:
        raise ValidationFailed(
            f"No e-mail address: {_listed(missing)}. Add it or leave them out.",
            code="EMAIL_MISSING",
        )


async def _of_class(session: AsyncSession, body: EnqueueBatch) -> Any:
    """The condition for the class that the body names. Raises ``NotFound``."""
    classes: dict[str, tuple[Any, Any]] = {
        "section": (Section, Student.id.in_(_enrolled(body.section))),
        "group": (Group, Student.group_id == body.group),
        "batch": (Batch, Student.batch_id == body.batch),
        "program": (Program, Student.program_id == body.program),
    }
    name = next(name for name in classes if getattr(body, name) is not None)
    model, condition = classes[name]
    if await session.get(model, getattr(body, name)) is None:
        raise not_found(name)
    return condition


def _enrolled(section_id: int | None) -> Select[int]:
    return select(Enrollment.student_id).where(
        Enrollment.section_id == section_id, Enrollment.status.in_(PRESENT_IN_SECTION)
    )


async def _rows(session: AsyncSession, actor: Actor, *conditions: Any) -> list[Found]:
    statement = select(Student.id, Student.reg_no, Student.email, _HELD).where(*conditions)
    visible = students_of(actor, REQUEST)
    if visible is not None:
        statement = statement.where(visible)
    return list((await session.execute(statement.order_by(Student.reg_no))).all())


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:_NAMED])}{' …' if len(names) > _NAMED else ''}"
