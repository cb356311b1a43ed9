"""``sims-backup restore``: bring a backup back, by swap, beside, or as a plan only."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.results import PlanResult, RestoreResult
from sims_backup.engine.context import Context
from sims_backup.engine.foreign import inspect, locate
from sims_backup.engine.plan import plan
from sims_backup.engine.restore import (
    Request,
    check_request,
    earlier_result,
    other_installation,
    restore,
)
from sims_backup.errors import Refused, SetNotFound
from sims_backup.settings import BackupSettings
from sims_backup.storage.local import LocalStorage
from sims_common.settings import load


def command(
    name: Annotated[
        str, typer.Argument(metavar="ID|FILE", help="id of a backup, latest, or a dump file")
    ],
    target: Annotated[str | None, typer.Option(help="directory or s3://bucket/prefix")] = None,
    only_plan: Annotated[
        bool, typer.Option("--plan", help="show what would change; touch nothing")
    ] = False,
    into: Annotated[
        str | None, typer.Option(help="make this new database instead of replacing")
    ] = None,
    confirm: Annotated[
        str | None, typer.Option(help="name of the database to replace, instead of asking")
    ] = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="confirm for a backup of this installation; asks nothing"),
    ] = False,
    safety_backup: Annotated[bool, typer.Option(help="back up the present state first")] = True,
    keep_old: Annotated[
        float | None, typer.Option(help="hours to keep the replaced database for undo")
    ] = None,
    create_roles: Annotated[bool, typer.Option(help="create missing roles, NOLOGIN")] = False,
    media: Annotated[bool, typer.Option(help="restore media files too")] = True,
    request: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="name of this request in the journal; repeated with the same name, what an "
            "earlier run finished is not done again",
        ),
    ] = "",
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Restore beside the live database, check it, then swap both names in one transaction."""
    settings = load(BackupSettings)
    with Context.open(settings, target) as context:
        earlier = earlier_result(context, request) if request and not only_plan else None
        if earlier is not None:
            console.report(earlier, output, _show)
        hours = settings.restore_keep_old_hours if keep_old is None else keep_old
        wanted = _request(
            context,
            name,
            name=request,
            into=into,
            safety_backup=safety_backup,
            keep_old=timedelta(hours=hours),
            create_roles=create_roles,
            media=media,
        )
        if only_plan:
            _plan(context, wanted, output)
        check_request(context, wanted)
        _confirm(context, wanted, confirm, yes=yes)
        result = restore(context, wanted)
    console.report(result, output, _show)


def _request(context: Context, name: str, /, **options: object) -> Request:
    """An id first; else a file, as given or in the backup directory."""
    try:
        manifest = context.repository.find(name).manifest
    except SetNotFound:
        storage = context.storage
        folder = storage.root if isinstance(storage, LocalStorage) else Path.cwd()
        if name == "latest":
            raise
        return Request(None, inspect(locate(name, folder)), **options)  # type: ignore[arg-type]  # passed on as given
    return Request(manifest, **options)  # type: ignore[arg-type]  # passed on as given


def _plan(context: Context, request: Request, output: Output) -> NoReturn:
    if request.manifest is None:
        raise Refused(
            "a bare dump file says nothing of its rows before it is loaded; "
            "load it beside with --into NAME and compare"
        )
    result = plan(context, request.manifest)
    console.report(result, output, _show_plan)


def _confirm(context: Context, request: Request, confirm: str | None, *, yes: bool) -> None:
    """The database's name, typed or given. Another installation's set always needs it."""
    foreign = other_installation(context, request.manifest) if request.manifest else None
    if foreign is None and (request.into or yes):
        return
    wanted = request.into or context.server.database
    if confirm is None and sys.stdin.isatty():
        if foreign:
            console.warn(foreign)
        question = f"{request.label} replaces database {wanted}. Type its name to go on"
        if request.into:
            question = f"{request.label} goes to the new database {wanted}. Type its name"
        confirm = str(typer.prompt(question))
    if confirm != wanted:
        note = f"{foreign}. " if foreign else ""
        given = "nothing was confirmed" if confirm is None else f"{confirm!r} was given"
        raise Refused(f"{note}To restore, confirm with --confirm {wanted}; {given}")


def _show(result: RestoreResult) -> None:
    kept = (
        f"{result.kept_database} until {result.kept_until:%Y-%m-%d %H:%M} UTC"
        if (result.kept_database and result.kept_until)
        else ""
    )
    console.facts(
        f"Restored {result.id} to {result.database}"
        + (" by an earlier run" if result.adopted else ""),
        [
            ("duration", console.seconds(result.duration)),
            ("closed for", f"{result.swap_seconds:.2f} s" if result.swap_seconds else ""),
            ("media", f"{result.media_restored} files" if result.media_restored else ""),
            ("safety backup", result.safety_backup),
            ("old database", kept),
            ("left out", ", ".join(f"{n} {what}" for what, n in result.skipped.items())),
            ("undo with", "sims-backup undo" if kept else ""),
        ],
    )
    for warning in result.warnings:
        console.warn(warning)


def _show_plan(result: PlanResult) -> None:
    console.facts(
        f"Restoring {result.id} to {result.database} would take it back to "
        f"{result.snapshot_at:%Y-%m-%d %H:%M:%S} UTC",
        [
            ("schema revision", f"{result.revision_now} now, {result.revision_then} then"),
            ("media missing here", result.media_missing_here),
            ("media different here", result.media_different_here),
            ("schema", "\n".join(result.schema_changes)),
        ],
    )
    console.listing(
        ("TABLE", "ROWS NOW", "ROWS THEN", "DIFFERENCE"),
        (
            (t.table, t.rows_now, t.rows_then, (t.rows_then or 0) - (t.rows_now or 0))
            for t in result.tables
        ),
        empty="all tables have the same number of rows",
    )
    for warning in result.warnings:
        console.warn(warning)
