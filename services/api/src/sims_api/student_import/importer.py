"""Students from CSV: the row, what it changes, how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import field_validator
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.database import Db
from sims_api.fields import Code, Email, Input, Line, Name, Phone
from sims_api.imports.importer import Applied, CellError, Change, Commit, Importer, Planner
from sims_api.imports.routes import router_of
from sims_api.imports.service import chunks
from sims_api.student_import.placements import Placements
from sims_api.students.acting import act_as
from sims_api.students.resource import BirthDate
from sims_common.clock import now
from sims_core.domain.students import STATUSES, StudentStatus, may_become
from sims_core.models import Batch, Group, Program, Student

CHUNK = 1000
_CONTACT = ("email", "phone", "date_of_birth")
_COMPARED = ("name", "program_id", "batch_id", "group_id", "status", *_CONTACT)


class StudentRow(Input):
    """One line of the file, each cell under the rule of the field it becomes."""

    reg_no: Code
    name: Line
    program_name: Name
    batch_name: Name
    group_name: Name
    status: StudentStatus
    email: Email | None = None
    phone: Phone | None = None
    date_of_birth: BirthDate | None = None

    @field_validator("status", mode="before")
    @classmethod
    def _any_case(cls, value: str) -> str:
        return value.strip().lower()


async def prepare(
    session: AsyncSession, rows: Sequence[StudentRow], _context: Mapping[str, Any], _actor: Actor
) -> Planner:
    placements = await Placements.load(session)
    existing = await _existing(session, [row.reg_no for row in rows])

    def plan(row: StudentRow) -> Change | list[CellError]:
        place = placements.find(row)
        if isinstance(place, CellError):
            return [place]
        found = existing.get(row.reg_no)
        if found and not _may_become(found["status"], row.status):
            text = f"who is {found['status']} cannot become {row.status}"
            return [CellError("status", text)]
        values = {
            "name": row.name,
            "program_id": place.program_id,
            "batch_id": place.batch_id,
            "group_id": place.group_id,
            "status": str(row.status),
            **_contact(row, found),
        }
        stored = {name: found[name] for name in values} if found else None
        guard = {"reg_no": row.reg_no, "enrollment_year": place.start_year}
        return Change(values, stored, guard | ({"version": found["version"]} if found else {}))

    return plan


def _may_become(old: str, new: StudentStatus) -> bool:
    return old == new or may_become(StudentStatus(old), new)


def _contact(row: StudentRow, found: Mapping[str, Any] | None) -> dict[str, Any]:
    """A column that the file lacks leaves what is stored; an empty cell empties it."""
    sent = row.model_dump(mode="json")
    return {
        name: found[name] if found and name not in row.model_fields_set else sent[name]
        for name in _CONTACT
    }


async def _existing(session: AsyncSession, reg_nos: list[str]) -> dict[str, dict[str, Any]]:
    columns = [getattr(Student, name) for name in ("reg_no", "version", *_COMPARED)]
    found: dict[str, dict[str, Any]] = {}
    for chunk in chunks(reg_nos, CHUNK * 10):
        rows = await session.execute(select(*columns).where(Student.reg_no.in_(chunk)))
        for row in rows.mappings():
            found[row["reg_no"]] = {name: _plain(value) for name, value in row.items()}
    return found


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


async def apply(commit: Commit) -> Applied:
    """A registration number that was taken, or a student who was changed, is skipped."""
    await act_as(commit.session, commit.actor, "CSV import")
    created = await _write(commit.session, commit.created)
    updated = await _write(commit.session, commit.updated, replace=True)
    return Applied(created, updated)


async def _write(
    session: AsyncSession, rows: Sequence[dict[str, Any]], *, replace: bool = False
) -> int:
    """Rows written. In one order for everybody, so that two commits never wait crosswise.

    With ``replace`` each row holds the version of the student that it replaces.
    """
    written = 0
    for chunk in chunks(sorted(rows, key=lambda row: str(row["reg_no"])), CHUNK):
        statement = insert(Student).values(list(chunk))
        if replace:
            changed = {name: getattr(statement.excluded, name) for name in _COMPARED}
            statement = statement.on_conflict_do_update(
                index_elements=[Student.reg_no],
                set_={
                    **changed,
                    "enrollment_year": statement.excluded.enrollment_year,
                    "version": Student.version + 1,
                    "updated_at": now(),
                },
                where=Student.version == statement.excluded.version,
            )
        else:
            statement = statement.on_conflict_do_nothing(index_elements=[Student.reg_no])
        written += len((await session.execute(statement.returning(Student.id))).all())
    return written


async def example(session: Db) -> list[list[str]]:
    """One row to be replaced, in a place that exists."""
    place = (
        await session.execute(
            select(Program.name, Batch.name, Group.name)
            .join(Batch, Batch.program_id == Program.id)
            .join(Group, Group.batch_id == Batch.id)
            .order_by(Program.name, Batch.start_year.desc(), Group.name)
            .limit(1)
        )
    ).one_or_none()
    student = ["2026-0001", "Amina Yusuf", *(place or ("MBBS", "2026", "A")), "active"]
    return [[*student, "amina@example.edu", "+92 300 1234567", "2004-09-30"]]


STUDENT_IMPORT = Importer(
    name="students",
    path="admin/students/import",
    permission="students.students.import",
    row=StudentRow,
    key=("reg_no",),
    prepare=prepare,
    apply=apply,
    example=example,
    explain={
        "status": f"{{value}} is not one of {', '.join(STATUSES)}",
        "date_of_birth": "{value} is not a date like 2004-09-30",
        "email": "{value} is not an e-mail address",
        "phone": "{value} is not a phone number like +92 300 1234567",
    },
)

router = router_of(STUDENT_IMPORT)
