"""``sims-backup list``: the sets of a store, why each stays and when it goes."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.results import ListResult
from sims_backup.engine.context import Context
from sims_backup.engine.listing import list_sets
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    target: Annotated[str | None, typer.Option(help="directory or s3://bucket/prefix")] = None,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """List backups with state, age, proof and the reason why retention keeps them."""
    with Context.open(load(BackupSettings), target) as context:
        result = list_sets(context)
    console.report(result, output, _show)


def _show(result: ListResult) -> None:
    console.listing(
        ("ID", "STATE", "FORMAT", "SIZE", "ROWS", "MEDIA", "PROVEN IN", "KEPT"),
        (
            (
                item.id,
                item.state + (" pinned" if item.pinned else ""),
                item.format,
                console.size(item.size),
                item.rows,
                item.media_files,
                console.seconds(item.recovery_time),
                "; ".join([*item.reasons, *([item.note] if item.note else [])]),
            )
            for item in result.sets
        ),
        empty=f"no backups in {result.target}; `sims-backup backup` takes one",
    )
    for problem in result.problems:
        console.warn(problem)
