"""``sims-backup sync``: copy sets to another store."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.exits import Exit
from sims_backup.contract.results import SyncResult
from sims_backup.engine.context import Context
from sims_backup.engine.sync import synchronise
from sims_backup.repository import Repository
from sims_backup.settings import BackupSettings
from sims_backup.storage.targets import open_target
from sims_common.settings import load


def command(
    to: Annotated[str, typer.Option(help="directory or s3://bucket/prefix to copy to")],
    target: Annotated[
        str | None, typer.Option("--from", help="store to copy from; default: the primary target")
    ] = None,
    delete: Annotated[
        bool, typer.Option(help="also remove there what retention removed here")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="say what would happen; change nothing")] = False,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Copy published backups that the other store lacks, each checked on its way."""
    settings = load(BackupSettings)
    with Context.open(settings, target) as context, open_target(to, settings) as storage:
        result = synchronise(context, Repository(storage), delete=delete, dry_run=dry_run)
    console.report(result, output, _show, Exit.NOT_PROVEN if result.damaged else Exit.OK)


def _show(result: SyncResult) -> None:
    console.facts(
        f"{result.source} to {result.target}" + (" (dry run)" if result.dry_run else ""),
        [
            ("copied", "\n".join(result.copied) or "nothing: both have the same"),
            ("media files", result.media_copied or None),
            ("bytes", console.size(result.bytes_copied)),
            ("deleted", "\n".join(result.deleted)),
            ("kept", "\n".join(f"{name}: {why}" for name, why in result.kept.items())),
        ],
    )
    for name in result.damaged:
        console.warn(
            f"{name} is damaged in {result.target}; remove it there with `sims-backup delete "
            f"{name} --target {result.target}` and synchronise again"
        )
