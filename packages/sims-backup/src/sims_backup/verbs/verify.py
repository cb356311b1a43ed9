"""``sims-backup verify``: read stored bytes again and compare."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.exits import Exit
from sims_backup.contract.results import VerifyResult
from sims_backup.engine.context import Context
from sims_backup.engine.verify import verify_set
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="id of a backup, latest, or oldest-verified")
    ] = "latest",
    target: Annotated[str | None, typer.Option(help="directory or s3://bucket/prefix")] = None,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Read every object of a backup, media too, and compare size and SHA-256.

    oldest-verified takes the backup whose last check is longest ago: run daily, it goes
    round all of them.
    """
    with Context.open(load(BackupSettings), target) as context:
        if name == "oldest-verified":
            sets = context.repository.contents().sets
            stored = min(sets, key=lambda s: (s.verified_at is not None, s.verified_at or s.id))
        else:
            stored = context.repository.find(name)
        result = verify_set(context, stored)
    console.report(result, output, _show, Exit.OK if result.passed else Exit.NOT_PROVEN)


def _show(result: VerifyResult) -> None:
    console.facts(
        f"Backup {result.id}: {'verified' if result.passed else 'DAMAGED'}",
        [
            ("target", result.target),
            ("objects", f"{result.objects} and {result.media_objects} of media"),
            ("read", console.size(result.bytes_read)),
            ("duration", console.seconds(result.duration)),
            ("problems", "\n".join(result.problems)),
        ],
    )
