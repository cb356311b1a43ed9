"""``sims-backup restores``: the journal of restores."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.results import RestoresResult
from sims_backup.engine.context import Context
from sims_backup.engine.listing import list_restores
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    drills: Annotated[bool, typer.Option(help="drills too")] = False,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """List restores of this database: how far each came, what is kept for undo, until when."""
    with Context.open(load(BackupSettings)) as context:
        result = list_restores(context, drills=drills)
    console.report(result, output, _show)


def _show(result: RestoresResult) -> None:
    console.listing(
        ("ID", "STARTED", "BACKUP", "KIND", "DATABASE", "STATE", "UNDO UNTIL", "MESSAGE"),
        (
            (
                item.restore_id,
                f"{item.started_at:%Y-%m-%d %H:%M}",
                item.set_id,
                item.kind,
                item.database,
                item.state,
                f"{item.kept_until:%Y-%m-%d %H:%M}" if item.kept_until else "-",
                item.message,
            )
            for item in result.restores
        ),
        empty=f"{result.database} was never restored",
    )
