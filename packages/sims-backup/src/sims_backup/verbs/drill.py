"""``sims-backup drill``: restore for practice, check, measure, drop."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.exits import Exit
from sims_backup.contract.results import DrillResult
from sims_backup.engine.context import Context
from sims_backup.engine.drill import drill
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    name: Annotated[str, typer.Argument(metavar="ID", help="id of a backup, or latest")] = "latest",
    target: Annotated[str | None, typer.Option(help="directory or s3://bucket/prefix")] = None,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Restore into a scratch database, check everything, record the recovery time."""
    with Context.open(load(BackupSettings), target) as context:
        result = drill(context, context.repository.find(name))
    console.report(result, output, _show, Exit.OK if result.passed else Exit.NOT_PROVEN)


def _show(result: DrillResult) -> None:
    console.facts(
        f"Drill of {result.id}: {'passed' if result.passed else 'FAILED'}",
        [
            ("recovery time", console.seconds(result.recovery_time)),
            *((f"  {stage}", console.seconds(t)) for stage, t in result.stages.items()),
            ("compared", f"{result.rows} rows in {result.tables} tables"),
            ("problems", "\n".join(result.problems)),
        ],
    )
