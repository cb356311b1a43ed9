"""``sims-backup unpin``: let retention decide again."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.engine.context import Context
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    name: Annotated[str, typer.Argument(metavar="ID", help="id of a pinned backup")],
    target: Annotated[str | None, typer.Option(help="directory or s3://bucket/prefix")] = None,
) -> None:
    """Remove the pin of a backup; retention decides again."""
    with Context.open(load(BackupSettings), target) as context:
        context.repository.unpin(name)
    console.say(f"{name} is no longer pinned")
