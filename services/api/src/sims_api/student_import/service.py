"""Preview and commit of a student import."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from anyio import to_thread
from sqlalchemy import and_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.student_import import csv_file
from sims_api.student_import.placements import Placements
from sims_common.clock import now
from sims_common.errors import ValidationFailed
from sims_common.logs import get_logger
from sims_core.models import Student, StudentImport

log = get_logger(__name__)

CHUNK = 1000
T = TypeVar("T")


@dataclass
class Row:
    """One line with what will be done with it. ``values`` are the student's columns."""

    row_number: int
    action: str
    data: dict[str, str]
    errors: list[dict[str, str]] = field(default_factory=list)
    values: dict[str, Any] | None = None


def _chunks(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (rows[i : i + size] for i in range(0, len(rows), size))


def _cell(column: str, message: str) -> dict[str, str]:
    return {"column": column, "message": message}


async def preview(
    session: AsyncSession,
    *,
    content: bytes,
    file_name: str,
    mode: str,
    user_id: int,
    max_rows: int,
) -> tuple[StudentImport, list[Row], bool]:
    """Stores the file's rows with the action that each would have.

    Returns the job, its rows and whether the same file was committed before. Raises
    ``ValidationFailed`` when the file as a whole cannot be read.
    """
    lines = await to_thread.run_sync(lambda: csv_file.read(content, max_rows=max_rows))
    if not lines:
        raise ValidationFailed("The file has no rows below its header.", code="CSV_EMPTY")
    placements = await Placements.load(session)
    existing = await _existing(session, [cells["reg_no"].strip() for _, cells in lines])
    rows = await to_thread.run_sync(lambda: list(_plan(lines, placements, existing, mode)))
    digest = hashlib.sha256(content).digest()
    seen = await session.scalar(
        select(StudentImport.id)
        .where(StudentImport.file_hash == digest, StudentImport.status == "COMMITTED")
        .limit(1)
    )
    invalid = sum(bool(row.errors) for row in rows)
    job = StudentImport(
        id=uuid.uuid4(),
        created_by_id=user_id,
        mode=mode,
        status="PREVIEWED",
        file_name=file_name,
        file_hash=digest,
        rows=[asdict(row) for row in rows],
        total_rows=len(rows),
        valid_rows=len(rows) - invalid,
        invalid_rows=invalid,
    )
    session.add(job)
    await session.flush()
    log.info("import previewed", import_id=str(job.id), rows=len(rows), invalid=invalid)
    return job, rows, seen is not None


_COMPARED = (
    "name", "program_id", "batch_id", "group_id", "status", "email", "phone", "date_of_birth",
)  # fmt: skip


async def _existing(session: AsyncSession, reg_nos: list[str]) -> dict[str, dict[str, Any]]:
    columns = [getattr(Student, name) for name in ("reg_no", "version", *_COMPARED)]
    found: dict[str, dict[str, Any]] = {}
    for chunk in _chunks(reg_nos, CHUNK * 10):
        rows = await session.execute(select(*columns).where(Student.reg_no.in_(chunk)))
        found.update({row.reg_no: dict(row._mapping) for row in rows})  # noqa: SLF001
    return found


def _plan(
    lines: Sequence[tuple[int, dict[str, str]]],
    placements: Placements,
    existing: dict[str, dict[str, Any]],
    mode: str,
) -> Iterator[Row]:
    first_line: dict[str, int] = {}
    for number, cells in lines:
        row = _planned(number, cells, placements, existing, mode)
        reg_no = cells["reg_no"].strip()
        earlier = first_line.setdefault(reg_no, number)
        if reg_no and earlier != number:
            row.errors.append(_cell("reg_no", f"{reg_no} is on line {earlier} already"))
        if row.errors:
            row.action, row.values = "SKIP", None
        yield row


def _planned(
    number: int,
    cells: dict[str, str],
    placements: Placements,
    existing: dict[str, dict[str, Any]],
    mode: str,
) -> Row:
    typed, errors = csv_file.check(cells)
    if typed is None:
        return Row(number, "SKIP", cells, errors)
    place = placements.find(typed)
    if isinstance(place, dict):
        return Row(number, "SKIP", cells, [place])
    values = {
        "reg_no": typed.reg_no,
        "name": typed.name,
        "program_id": place.program_id,
        "batch_id": place.batch_id,
        "group_id": place.group_id,
        "enrollment_year": place.start_year,
        "status": str(typed.status),
        "email": typed.email,
        "phone": typed.phone,
        "date_of_birth": typed.date_of_birth.isoformat() if typed.date_of_birth else None,
    }
    stored = existing.get(typed.reg_no)
    if stored is None:
        return Row(number, "CREATE", cells, values=values)
    if mode == "CREATE_ONLY":
        return Row(number, "SKIP", cells, [_cell("reg_no", f"{typed.reg_no} exists already")])
    if all(_text(stored[name]) == values[name] for name in _COMPARED):
        return Row(number, "SKIP", cells)
    return Row(number, "UPDATE", cells, values={**values, "version": stored["version"]})


def _text(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


async def commit(session: AsyncSession, job: StudentImport) -> StudentImport:
    """Writes the valid rows, all of them or, on a broken rule, none.

    A registration number that was taken, or a student who was changed, since the preview is
    skipped, not overwritten: nothing happens that was not shown. Raises ``ValidationFailed``
    unless the job is PREVIEWED.
    """
    if job.status != "PREVIEWED":
        raise ValidationFailed("This import is committed already.", code="IMPORT_NOT_PREVIEWED")
    planned: list[dict[str, Any]] = [row for row in job.rows if row["values"]]
    created = await _write(session, [r["values"] for r in planned if r["action"] == "CREATE"])
    updated = await _write(
        session, [r["values"] for r in planned if r["action"] == "UPDATE"], replace=True
    )
    job.status = "COMMITTED"
    job.committed_at = now()
    job.created_count, job.updated_count = created, updated
    job.skipped_count = job.total_rows - created - updated
    await session.flush()
    log.info("import committed", import_id=str(job.id), created=created, updated=updated)
    return job


async def _write(
    session: AsyncSession, rows: Sequence[dict[str, Any]], *, replace: bool = False
) -> int:
    """Rows written. In one order for everybody, so that two commits never wait crosswise.

    With ``replace`` each row holds the version of the student that it replaces.
    """
    written = 0
    for chunk in _chunks(sorted(rows, key=lambda row: str(row["reg_no"])), CHUNK):
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


async def own_job(
    session: AsyncSession, job_id: uuid.UUID, user_id: int, *, lock: bool = False
) -> StudentImport | None:
    """The job with its rows, when this user made it."""
    statement = select(StudentImport).where(
        and_(StudentImport.id == job_id, StudentImport.created_by_id == user_id)
    )
    if lock:
        statement = statement.with_for_update()
    job = (await session.scalars(statement)).one_or_none()
    if job is not None:
        await session.refresh(job, ["rows"])
    return job
