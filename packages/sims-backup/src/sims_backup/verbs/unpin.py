"""``sims-backup unpin``: let retention decide again."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.results import PinResult
from sims_backup.engine.context import Context
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    name: Annotated[str, typer.Argument(metavar="ID", help="id of a pinned backup")],
    target: Annotated[str | None, typer.Option(help="directory or s3://bucket/prefix")] = None,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Remove the pin of a backup; retention decides again."""
    with Context.open(load(BackupSettings), target) as context:
        context.repository.unpin(name)
        result = PinResult(id=name, target=context.storage.name, pinned=False, reason="")
    console.report(result, output, lambda r: console.say(f"{r.id} is no longer pinned"))
