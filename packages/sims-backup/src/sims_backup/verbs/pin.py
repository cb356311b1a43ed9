"""``sims-backup pin``: keep a set whatever the policy says."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.results import Pin, PinResult
from sims_backup.engine.context import Context
from sims_backup.settings import BackupSettings
from sims_common.clock import now
from sims_common.settings import load


def command(
    name: Annotated[str, typer.Argument(metavar="ID", help="id of a backup, or latest")],
    reason: Annotated[str, typer.Option(help="such as: end of term")],
    target: Annotated[str | None, typer.Option(help="directory or s3://bucket/prefix")] = None,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Pin a backup: retention never deletes it."""
    with Context.open(load(BackupSettings), target) as context:
        set_id = context.repository.find(name).id
        context.repository.pin(Pin(set_id=set_id, at=now(), reason=reason))
        result = PinResult(id=set_id, target=context.storage.name, pinned=True, reason=reason)
    console.report(result, output, lambda r: console.say(f"{r.id} is pinned: {r.reason}"))
