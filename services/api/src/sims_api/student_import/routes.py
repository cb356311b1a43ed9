"""Routes of the student import. A job is its creator's; to others it does not exist."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.idempotency import AtMostOnce
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.spreadsheets import csv_text
from sims_api.student_import import csv_file, service
from sims_api.student_import import schemas as s
from sims_common.errors import FieldError, ValidationFailed
from sims_core.models import Batch, Group, Program, StudentImport

router = APIRouter(
    prefix="/api/admin/students/import", tags=["student import"], route_class=StrictRoute
)

Importer = Annotated[Actor, allow("students.students.import")]
SHOWN = 500
CSV = {"content": {"text/csv": {"schema": {"type": "string"}}}}


@router.post("/preview/")
async def preview(
    request: Request,
    session: Db,
    actor: Importer,
    file: UploadFile,
    mode: Annotated[s.Mode, Form()] = "CREATE_ONLY",
) -> s.Preview:
    """Reads the file and says what each row would do. Nothing is changed yet."""
    _only(await request.form(), {"file", "mode"})
    job, rows, seen = await service.preview(
        session,
        content=await file.read(),
        file_name=_shown_name(file.filename or ""),
        mode=mode,
        user_id=actor.user_id,
        max_rows=request.app.state.settings.import_max_rows,
    )
    bad = [row for row in rows if row.errors]
    good = [row for row in rows if not row.errors]
    shown = sorted((bad + good)[:SHOWN], key=lambda row: row.row_number)
    return s.Preview(
        import_job_id=job.id,
        total_rows=job.total_rows,
        valid_rows=job.valid_rows,
        invalid_rows=job.invalid_rows,
        duplicate_file_warning=seen,
        preview_rows=[s.PreviewRow.model_validate(row) for row in shown],
        summary={
            action: sum(row.action == action for row in rows)
            for action in ("CREATE", "UPDATE", "SKIP")
        },
    )


def _only(form: FormData, names: set[str]) -> None:
    """A misspelt ``mode`` must not quietly mean its default. Raises ``ValidationFailed``."""
    sent = [name for name, _ in form.multi_items()]
    wrong = [name for name in dict.fromkeys(sent) if name not in names or sent.count(name) > 1]
    if wrong:
        text = "Send file and mode, each once, and nothing else."
        errors = [FieldError(f"/{name}", "EXTRA_FORBIDDEN", text) for name in wrong]
        raise ValidationFailed(text, errors=errors)


def _shown_name(sent: str) -> str:
    """The last part of a path, without what a screen or terminal would obey."""
    name = sent.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:255] or "students.csv"


@router.post("/commit/", response_model=s.Committed)
async def commit(session: Db, actor: Importer, once: AtMostOnce, body: s.Commit) -> Any:
    """Writes the valid rows of a previewed file."""

    async def write() -> s.Committed:
        job = await _own(session, body.import_job_id, actor, lock=True)
        await service.commit(session, job)
        return s.Committed(
            import_job_id=job.id,
            status="COMMITTED",
            created=job.created_count,
            updated=job.updated_count,
            skipped=job.skipped_count,
            invalid_rows=job.invalid_rows,
        )

    return await once.run(write, status=200)


@router.get("/template/", response_class=Response, responses={200: CSV})
async def template(session: Db, _actor: Importer) -> Response:
    """A file to start from: the header and one example row, to be replaced."""
    place = (
        await session.execute(
            select(Program.name, Batch.name, Group.name)
            .join(Batch, Batch.program_id == Program.id)
            .join(Group, Group.batch_id == Batch.id)
            .order_by(Program.name, Batch.start_year.desc(), Group.name)
            .limit(1)
        )
    ).one_or_none()
    example = ["2026-0001", "Amina Yusuf", *(place or ("MBBS", "2026", "A")), "active"]
    rows = [[*example, "amina@example.edu", "+92 300 1234567", "2004-09-30"]]
    return _csv(csv_text(csv_file.COLUMNS, rows), "students-template.csv")


@router.get("/jobs/")
async def jobs(session: Db, actor: Importer) -> list[s.ImportJob]:
    """The imports of the signed-in user, newest first (the last 100)."""
    found = await session.scalars(
        select(StudentImport)
        .where(StudentImport.created_by_id == actor.user_id)
        .order_by(StudentImport.created_at.desc())
        .limit(100)
    )
    return [s.ImportJob(**_summary(job)) for job in found]


@router.get("/{id}/detail/")
async def detail(
    session: Db,
    actor: Importer,
    id: uuid.UUID,  # noqa: A002 (the parameter's public name)
    only: Literal["all", "invalid"] = "all",
    page: Annotated[int, Query(ge=1, le=10**6)] = 1,
    page_size: Annotated[int, Query(ge=1, le=200)] = 50,
) -> s.ImportDetail:
    """The job with its rows, a page at a time."""
    job = await _own(session, id, actor)
    rows = [row for row in job.rows if only == "all" or row["errors"]]
    part = rows[(page - 1) * page_size : page * page_size]
    return s.ImportDetail(
        **_summary(job),
        count=len(rows),
        page=page,
        preview_rows=[s.PreviewRow.model_validate(row) for row in part],
    )


@router.get("/{id}/errors.csv/", response_class=Response, responses={200: CSV})
async def errors_csv(
    session: Db,
    actor: Importer,
    id: uuid.UUID,  # noqa: A002
) -> Response:
    """The rows with errors and what is wrong, ready to be corrected and sent again."""
    job = await _own(session, id, actor)
    rows = [
        [
            *(row["data"].get(name, "") for name in csv_file.COLUMNS),
            row["row_number"],
            "; ".join(f"{e['column']}: {e['message']}" for e in row["errors"]),
        ]
        for row in job.rows
        if row["errors"]
    ]
    text = csv_text([*csv_file.COLUMNS, "row_number", "errors"], rows)
    return _csv(text, f"errors-{job.id}.csv")


async def _own(
    session: AsyncSession, job_id: uuid.UUID, actor: Actor, *, lock: bool = False
) -> StudentImport:
    job = await service.own_job(session, job_id, actor.user_id, lock=lock)
    if job is None:
        raise not_found("import of yours")
    return job


def _summary(job: StudentImport) -> dict[str, Any]:
    return {
        "import_job_id": job.id,
        "status": job.status,
        "mode": job.mode,
        "file_name": job.file_name,
        "total_rows": job.total_rows,
        "valid_rows": job.valid_rows,
        "invalid_rows": job.invalid_rows,
        "created": job.created_count,
        "updated": job.updated_count,
        "skipped": job.skipped_count,
        "created_at": job.created_at,
        "committed_at": job.committed_at,
    }


def _csv(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
