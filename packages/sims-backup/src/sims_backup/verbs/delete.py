"""``sims-backup delete``: remove one set that retention would still keep."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.results import DeleteResult
from sims_backup.engine.context import Context
from sims_backup.engine.delete import delete_set
from sims_backup.errors import Refused
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    set_id: Annotated[str, typer.Argument(metavar="ID", help="id of a backup")],
    target: Annotated[str | None, typer.Option(help="directory or s3://bucket/prefix")] = None,
    confirm: Annotated[str | None, typer.Option(help="the id again, instead of asking")] = None,
    reason: Annotated[str, typer.Option(help="for the tombstone")] = "deleted by hand",
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Delete one backup. Pinned, locked, in use, or the last verified one: refused.

    Its media goes with the next prune, unless another backup needs it.
    """
    if confirm is None and sys.stdin.isatty():
        confirm = str(typer.prompt(f"To delete {set_id}, type its id"))
    if confirm != set_id:
        raise Refused(f"to delete a backup, confirm with --confirm {set_id}")
    with Context.open(load(BackupSettings), target) as context:
        result = delete_set(context, set_id, reason)
    console.report(result, output, _show)


def _show(result: DeleteResult) -> None:
    done = f"deleted, {console.size(result.bytes_freed)} freed" if result.deleted else "was gone"
    console.say(f"{result.id} in {result.target}: {done}")
