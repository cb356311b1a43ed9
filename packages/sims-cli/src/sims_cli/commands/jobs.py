"""``sims jobs list|show|requeue|cancel``: dead letters seen and repaired."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_cli.output import Output, OutputOption, console, print_json, table

app = typer.Typer(help="See background jobs, put ended ones back, cancel.", no_args_is_help=True)

JobId = Annotated[
    str, typer.Argument(metavar="ID", help="From `sims jobs list`; its start will do.")
]


@app.command("list")
def list_jobs(
    *,
    state: Annotated[
        str, typer.Option(help="pending, dispatched, running, finished, failed, cancelled or all.")
    ] = "failed",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    output: OutputOption = Output.TABLE,
) -> None:
    """List jobs, the newest first: the failed ones unless you say otherwise."""
    from sims_cli.job_desk import listed  # noqa: PLC0415 (sims --help stays quick)

    rows = listed(state, limit)
    if output is Output.JSON:
        print_json(rows)
        return
    columns = ("Id", "Job", "State", "Attempts", "Crashes", "Unsent", "Created (UTC)", "Error")
    names = ("id", "job", "state", "attempts", "crashes", "unsent", "created_at", "error")
    cells = ([str(row[name] or "")[:36] for name in names] for row in rows)
    console().print(table(columns, cells))


@app.command("show")
def show_job(id_: JobId, *, output: OutputOption = Output.TABLE) -> None:
    """Show a job and what became of each transcript it was to send."""
    from sims_cli.job_desk import shown  # noqa: PLC0415

    job = shown(id_)
    if output is Output.JSON:
        print_json(job)
        return
    requests = job.pop("requests")
    for name, value in job.items():
        console().print(f"{name:<15}{'' if value is None else value}", markup=False)
    columns = ("Request", "State", "Perhaps twice", "Error")
    cells = ((r["id"], r["state"], r["possible_duplicate"], r["error"] or "") for r in requests)
    console().print(table(columns, cells))


@app.command("requeue")
def requeue_job(id_: JobId, *, output: OutputOption = Output.TABLE) -> None:
    """Put an ended job back, with what of it was not sent."""
    from sims_cli.job_desk import requeued  # noqa: PLC0415

    found = requeued(id_)
    if output is Output.JSON:
        print_json(found)
        return
    console().print(f"Job {found['id']} is due again, with {found['requests']} transcripts.")


@app.command("cancel")
def cancel_job(id_: JobId, *, output: OutputOption = Output.TABLE) -> None:
    """Take back what a job has not begun; what is being made or sent goes on."""
    from sims_cli.job_desk import cancelled  # noqa: PLC0415

    found = cancelled(id_)
    if output is Output.JSON:
        print_json(found)
        return
    console().print(f"{found['cancelled']} cancelled, {found['too_late']} had gone too far.")
