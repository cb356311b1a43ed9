"""``sims-backup doctor``: is everything in place for the next backup and restore?"""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.exits import Exit
from sims_backup.contract.results import DoctorResult
from sims_backup.engine.doctor import Scope, examine
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    fix: Annotated[bool, typer.Option(help="settle interrupted restores")] = False,
    only: Annotated[
        Scope, typer.Option(help="stores needs no database; database needs no store")
    ] = Scope.ALL,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Check database, tools, targets, clock, keys, leftovers; say what to do."""
    result = examine(load(BackupSettings), fix=fix, scope=only)
    console.report(result, output, _show, Exit.FAILED if result.failed else Exit.OK)


def _show(result: DoctorResult) -> None:
    console.listing(
        ("CHECK", "STATUS", "DETAIL", "WHAT TO DO"),
        ((f.check, f.status, f.detail, f.remedy) for f in result.findings),
        empty="nothing to check",
    )
