"""Preview and commit of an import."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from anyio import to_thread
from pydantic import BaseModel
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.imports import csv_file
from sims_api.imports.importer import UPSERT, CellError, Change, Commit, Importer, Planner
from sims_common.clock import now
from sims_common.errors import ValidationFailed
from sims_common.logs import get_logger
from sims_core.models import ImportJob

log = get_logger(__name__)

T = TypeVar("T")
Line = tuple[int, dict[str, str]]


@dataclass
class Row:
    """One line with what will be done with it. ``values`` is what the importer writes."""

    row_number: int
    action: str
    data: dict[str, str]
    errors: list[dict[str, str]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    values: dict[str, Any] | None = None


def chunks(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (rows[i : i + size] for i in range(0, len(rows), size))


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file as it was sent, and by whom."""

    content: bytes
    file_name: str
    mode: str
    actor: Actor
    context: Mapping[str, Any]


async def preview(
    session: AsyncSession, importer: Importer, upload: Upload, *, max_rows: int
) -> tuple[ImportJob, list[Row], bool]:
    """Stores the file's rows with the action that each would have.

    Returns the job, its rows and whether the same file was committed before. Raises
    ``ValidationFailed`` when the file as a whole cannot be read.
    """
    lines, checked = await to_thread.run_sync(_read, upload.content, importer, max_rows)
    typed = [row for row in checked if isinstance(row, BaseModel)]
    planner = await importer.prepare(session, typed, upload.context, upload.actor)
    rows = await to_thread.run_sync(
        lambda: list(_plan(importer, planner, lines, checked, upload.mode))
    )
    digest = hashlib.sha256(upload.content).digest()
    seen = await session.scalar(
        select(ImportJob.id)
        .where(
            ImportJob.kind == importer.name,
            ImportJob.file_hash == digest,
            ImportJob.status == "COMMITTED",
        )
        .limit(1)
    )
    invalid = sum(bool(row.errors) for row in rows)
    job = ImportJob(
        id=uuid.uuid4(),
        kind=importer.name,
        context=dict(upload.context),
        created_by_id=upload.actor.user_id,
        mode=upload.mode,
        status="PREVIEWED",
        file_name=upload.file_name,
        file_hash=digest,
        rows=[asdict(row) for row in rows],
        total_rows=len(rows),
        valid_rows=len(rows) - invalid,
        invalid_rows=invalid,
    )
    session.add(job)
    await session.flush()
    log.info(
        "import previewed", kind=job.kind, import_id=str(job.id), rows=len(rows), invalid=invalid
    )
    return job, rows, seen is not None


def _read(
    content: bytes, importer: Importer, max_rows: int
) -> tuple[list[Line], list[BaseModel | list[CellError]]]:
    lines = csv_file.read(content, importer, max_rows=max_rows)
    if not lines:
        raise ValidationFailed("The file has no rows below its header.", code="CSV_EMPTY")
    return lines, [csv_file.check(cells, importer) for _, cells in lines]


def _plan(
    importer: Importer,
    planner: Planner,
    lines: Sequence[Line],
    checked: Sequence[BaseModel | list[CellError]],
    mode: str,
) -> Iterator[Row]:
    first_line: dict[tuple[str, ...], int] = {}
    for (number, cells), typed in zip(lines, checked, strict=True):
        row = _planned(importer, number, cells, planner(typed) if _ok(typed) else typed, mode)
        key = tuple(cells.get(name, "").strip() for name in importer.key)
        earlier = first_line.setdefault(key, number)
        if all(key) and earlier != number:
            text = f"{' '.join(key)} is on line {earlier} already"
            row.errors.append(asdict(CellError(importer.key[0], text)))
        if row.errors:
            row.action, row.values, row.changes = "SKIP", None, []
        yield row


def _ok(typed: BaseModel | list[CellError]) -> bool:
    return isinstance(typed, BaseModel)


def _planned(
    importer: Importer,
    number: int,
    cells: dict[str, str],
    found: Any,
    mode: str,
) -> Row:
    if not isinstance(found, Change):
        return Row(number, "SKIP", cells, [asdict(error) for error in found])
    values = {**found.values, **found.guard}
    if found.stored is None:
        return Row(number, "CREATE", cells, values=values)
    if mode != UPSERT:
        named = " ".join(cells[name].strip() for name in importer.key)
        error = CellError(importer.key[0], f"{named} exists already")
        return Row(number, "SKIP", cells, [asdict(error)])
    changes = [
        {"column": name, "old": found.stored.get(name), "new": value}
        for name, value in found.values.items()
        if found.stored.get(name) != value
    ]
    if not changes:
        return Row(number, "SKIP", cells)
    return Row(number, "UPDATE", cells, changes=changes, values=values)


async def commit(
    session: AsyncSession, importer: Importer, job: ImportJob, actor: Actor
) -> ImportJob:
    """Writes the valid rows, all of them or, on a broken rule, none.

    What was changed since the preview is left alone: nothing happens that was not shown.
    Raises ``ValidationFailed`` unless the job is PREVIEWED.
    """
    if job.status != "PREVIEWED":
        raise ValidationFailed("This import is committed already.", code="IMPORT_NOT_PREVIEWED")
    planned: list[dict[str, Any]] = [row for row in job.rows if row["values"]]
    applied = await importer.apply(
        Commit(
            session=session,
            created=[row["values"] for row in planned if row["action"] == "CREATE"],
            updated=[row["values"] for row in planned if row["action"] == "UPDATE"],
            context=job.context,
            actor=actor,
        )
    )
    job.status = "COMMITTED"
    job.committed_at = now()
    job.created_count, job.updated_count = applied.created, applied.updated
    job.skipped_count = job.total_rows - applied.created - applied.updated
    await session.flush()
    log.info(
        "import committed",
        kind=job.kind,
        import_id=str(job.id),
        created=applied.created,
        updated=applied.updated,
    )
    return job


async def own_job(
    session: AsyncSession, importer: Importer, job_id: uuid.UUID, user_id: int, *, lock: bool
) -> ImportJob | None:
    """The job with its rows, when this user made it."""
    statement = select(ImportJob).where(
        and_(
            ImportJob.id == job_id,
            ImportJob.kind == importer.name,
            ImportJob.created_by_id == user_id,
        )
    )
    if lock:
        statement = statement.with_for_update()
    job = (await session.scalars(statement)).one_or_none()
    if job is not None:
        await session.refresh(job, ["rows"])
    return job
