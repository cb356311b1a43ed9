"""``sims-backup backup``: take a backup and publish it."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console, events
from sims_backup.console import Output
from sims_backup.contract.exits import Exit
from sims_backup.contract.manifest import Format, Kind
from sims_backup.contract.results import BackupResult
from sims_backup.engine.backup import take_backup
from sims_backup.engine.context import Context
from sims_backup.engine.prune import prune
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    target: Annotated[
        str | None, typer.Option(help="directory or s3://bucket/prefix; default: all configured")
    ] = None,
    format_: Annotated[
        Format | None, typer.Option("--format", help="directory, custom or plain")
    ] = None,
    scheduled: Annotated[bool, typer.Option(help="mark as taken by a schedule")] = False,
    parent: Annotated[str, typer.Option(help="who asked, for the manifest")] = "",
    set_id: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="PREFIX_YYYYMMDD_HHMMSS",
            help="take exactly this id; a backup that an earlier run with it published is "
            "adopted, a dead run's rest is swept",
        ),
    ] = None,
    prune_after: Annotated[
        bool, typer.Option("--prune", help="apply retention after a success")
    ] = False,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Take a backup of database and media and publish it when it is whole."""
    overrides: dict[str, object] = {}
    if format_ is not None:
        overrides["backup_format"] = format_
    if target is not None:
        overrides["backup_targets"] = target
    settings = load(BackupSettings, **overrides)
    with Context.open(settings) as context:
        kind: Kind = "scheduled" if scheduled else "manual"
        result = take_backup(context, kind=kind, parent=parent, set_id=set_id)
        events.current().result = result  # the set exists, whatever becomes of the rest
        if prune_after:
            pruned = prune(context, dry_run=False).deleted
            result = result.model_copy(update={"pruned": pruned})
    console.report(result, output, _show, _exit(result))


def _exit(result: BackupResult) -> Exit:
    if any(outcome != "ok" for outcome in result.copies.values()):
        return Exit.INCOMPLETE_TARGETS
    if result.missing_media or result.changed_media:
        return Exit.MEDIA_PROBLEMS
    return Exit.OK


def _show(result: BackupResult) -> None:
    console.facts(
        f"Backup {result.id}" + (", taken by an earlier run" if result.adopted else ""),
        [
            ("target", result.target),
            ("format", result.format),
            ("size", console.size(result.size)),
            ("media", f"{result.media_files} files, {result.media_uploaded} new"),
            ("verified", "every object read back" if result.verified else "no"),
            ("duration", console.seconds(result.duration)),
            ("pruned", ", ".join(result.pruned)),
            *((f"copy to {target}", outcome) for target, outcome in result.copies.items()),
        ],
    )
    for path in result.missing_media:
        console.warn(f"media file missing: {path}")
    for path in result.changed_media:
        console.warn(f"media file changed: {path}")
