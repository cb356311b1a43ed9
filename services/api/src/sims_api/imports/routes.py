"""The routes of an import. A job is its creator's; to others it does not exist."""

# No `from __future__ import annotations`: FastAPI must see what each importer declares.

import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, Request, Response, UploadFile
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData

from sims_api.auth.actor import Actor
from sims_api.body import StrictRoute
from sims_api.database import Db
from sims_api.idempotency import AtMostOnce
from sims_api.imports import schemas as s
from sims_api.imports import service
from sims_api.imports.importer import Importer
from sims_api.policy import allow
from sims_api.problems import not_found
from sims_api.spreadsheets import csv_text
from sims_common.errors import FieldError, ValidationFailed
from sims_core.models import ImportJob

SHOWN = 500
CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


def router_of(importer: Importer) -> APIRouter:
    """Preview, commit, template, jobs, a job's rows and its file of errors."""
    router = APIRouter(
        prefix=f"/api/{importer.path}", tags=[f"{importer.name} import"], route_class=StrictRoute
    )
    may = allow(importer.permission, own=importer.own)
    _add_preview(router, importer, may)
    _add_commit(router, importer, may)
    _add_template(router, importer, may)
    _add_jobs(router, importer, may)
    _add_detail(router, importer, may)
    _add_errors(router, importer, may)
    return router


def _add_preview(router: APIRouter, importer: Importer, may: Any) -> None:
    mode_type: Any = Literal.__getitem__(importer.modes)

    @router.post("/preview/", name=f"preview {importer.name} import")
    async def preview(
        request: Request,
        session: Db,
        actor: Annotated[Actor, may],
        context: Annotated[dict[str, Any], Depends(importer.context)],
        file: UploadFile,
        mode: Annotated[mode_type, Form()] = importer.modes[0],
    ) -> s.Preview:
        """Reads the file and says what each row would do. Nothing is changed yet."""
        _only(await request.form(), ("file", "mode", *importer.form_fields))
        upload = service.Upload(
            content=await file.read(),
            file_name=_shown_name(file.filename or "", importer),
            mode=mode,
            actor=actor,
            context=context,
        )
        max_rows = request.app.state.settings.import_max_rows
        job, rows, seen = await service.preview(session, importer, upload, max_rows=max_rows)
        return _previewed(job, rows, seen=seen)


def _previewed(job: ImportJob, rows: list[service.Row], *, seen: bool) -> s.Preview:
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


def _only(form: FormData, names: tuple[str, ...]) -> None:
    """A misspelt ``mode`` must not quietly mean its default. Raises ``ValidationFailed``."""
    sent = [name for name, _ in form.multi_items()]
    wrong = [name for name in dict.fromkeys(sent) if name not in names or sent.count(name) > 1]
    if wrong:
        text = f"Send {', '.join(names[:-1])} and {names[-1]}, each once, and nothing else."
        errors = [FieldError(f"/{name}", "EXTRA_FORBIDDEN", text) for name in wrong]
        raise ValidationFailed(text, errors=errors)


def _shown_name(sent: str, importer: Importer) -> str:
    """The last part of a path, without what a screen or terminal would obey."""
    name = sent.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:255] or f"{importer.name}.csv"


def _add_commit(router: APIRouter, importer: Importer, may: Any) -> None:
    @router.post("/commit/", response_model=s.Committed, name=f"commit {importer.name} import")
    async def commit(
        session: Db, actor: Annotated[Actor, may], once: AtMostOnce, body: s.Commit
    ) -> Any:
        """Writes the valid rows of a previewed file."""

        async def write() -> s.Committed:
            job = await _own(session, importer, body.import_job_id, actor, lock=True)
            await service.commit(session, importer, job, actor)
            return s.Committed(
                import_job_id=job.id,
                status="COMMITTED",
                created=job.created_count,
                updated=job.updated_count,
                skipped=job.skipped_count,
                invalid_rows=job.invalid_rows,
            )

        return await once.run(write, status=200)


def _add_template(router: APIRouter, importer: Importer, may: Any) -> None:
    @router.get(
        "/template/",
        response_class=Response,
        responses=CSV,
        dependencies=[may],
        name=f"template of {importer.name} import",
    )
    async def template(
        rows: Annotated[list[list[str]], Depends(importer.example)],
    ) -> Response:
        """A file to start from: the header and what belongs below it."""
        return _csv(csv_text(importer.columns, rows), f"{importer.name}-template.csv")


def _add_jobs(router: APIRouter, importer: Importer, may: Any) -> None:
    @router.get("/jobs/", name=f"list {importer.name} imports")
    async def jobs(session: Db, actor: Annotated[Actor, may]) -> list[s.ImportJob]:
        """The imports of the signed-in user, newest first (the last 100)."""
        found = await session.scalars(
            select(ImportJob)
            .where(ImportJob.kind == importer.name, ImportJob.created_by_id == actor.user_id)
            .order_by(ImportJob.created_at.desc())
            .limit(100)
        )
        return [s.ImportJob(**_summary(job)) for job in found]


def _add_detail(router: APIRouter, importer: Importer, may: Any) -> None:
    @router.get("/{id}/detail/", name=f"get {importer.name} import")
    async def detail(
        session: Db,
        actor: Annotated[Actor, may],
        id: uuid.UUID,  # noqa: A002 (the parameter's public name)
        only: Literal["all", "invalid"] = "all",
        page: Annotated[int, Query(ge=1, le=10**6)] = 1,
        page_size: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> s.ImportDetail:
        """The job with its rows, a page at a time."""
        job = await _own(session, importer, id, actor)
        rows = [row for row in job.rows if only == "all" or row["errors"]]
        part = rows[(page - 1) * page_size : page * page_size]
        return s.ImportDetail(
            **_summary(job),
            count=len(rows),
            page=page,
            preview_rows=[s.PreviewRow.model_validate({"changes": [], **row}) for row in part],
        )


def _add_errors(router: APIRouter, importer: Importer, may: Any) -> None:
    @router.get(
        "/{id}/errors.csv/",
        response_class=Response,
        responses=CSV,
        name=f"errors of {importer.name} import",
    )
    async def errors_csv(
        session: Db,
        actor: Annotated[Actor, may],
        id: uuid.UUID,  # noqa: A002
    ) -> Response:
        """The rows with errors and what is wrong, ready to be corrected and sent again."""
        job = await _own(session, importer, id, actor)
        rows = [
            [
                *(row["data"].get(name, "") for name in importer.columns),
                row["row_number"],
                "; ".join(f"{e['column']}: {e['message']}" for e in row["errors"]),
            ]
            for row in job.rows
            if row["errors"]
        ]
        text = csv_text([*importer.columns, "row_number", "errors"], rows)
        return _csv(text, f"errors-{job.id}.csv")


async def _own(
    session: AsyncSession,
    importer: Importer,
    job_id: uuid.UUID,
    actor: Actor,
    *,
    lock: bool = False,
) -> ImportJob:
    job = await service.own_job(session, importer, job_id, actor.user_id, lock=lock)
    if job is None:
        raise not_found("import of yours")
    return job


def _summary(job: ImportJob) -> dict[str, Any]:
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
