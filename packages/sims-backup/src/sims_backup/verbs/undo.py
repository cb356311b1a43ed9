"""``sims-backup undo``: take the last restore back."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.results import UndoResult
from sims_backup.engine.context import Context
from sims_backup.engine.undo import undo
from sims_backup.errors import Refused
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    restore: Annotated[
        str | None,
        typer.Option(
            metavar="ID|REQUEST",
            help="this restore, by its id or the name of its --request; refused unless it is "
            "the last one, fine when it is undone already",
        ),
    ] = None,
    confirm: Annotated[
        str | None, typer.Option(help="name of the database, instead of asking")
    ] = None,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Put the database and media from before the last restore back."""
    with Context.open(load(BackupSettings)) as context:
        wanted = context.server.database
        if confirm is None and sys.stdin.isatty():
            confirm = str(typer.prompt(f"To take the last restore of {wanted} back, type its name"))
        if confirm != wanted:
            raise Refused(f"to undo the last restore, confirm with --confirm {wanted}")
        result = undo(context, restore)
    console.report(result, output, _show)


def _show(result: UndoResult) -> None:
    done = "was undone by an earlier run" if result.adopted else "undone"
    console.facts(
        f"Restore {result.restore_id} of {result.database} {done}",
        [
            ("closed for", "" if result.adopted else f"{result.swap_seconds:.2f} s"),
            ("restored data kept as", result.set_aside),
        ],
    )
