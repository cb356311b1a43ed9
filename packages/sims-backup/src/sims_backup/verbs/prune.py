"""``sims-backup prune``: apply retention and sweep leftovers."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.results import PruneResult, RetentionEntry
from sims_backup.engine.context import Context
from sims_backup.engine.prune import prune
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    target: Annotated[str | None, typer.Option(help="directory or s3://bucket/prefix")] = None,
    dry_run: Annotated[bool, typer.Option(help="say what would go; delete nothing")] = False,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Delete what no rule keeps, then what dead runs left, then media nobody needs."""
    with Context.open(load(BackupSettings), target) as context:
        result = prune(context, dry_run=dry_run)
    console.report(result, output, _show)


def _why(entry: RetentionEntry) -> str:
    return "; ".join([*entry.reasons, *([entry.goes_on] if entry.goes_on else [])])


def _show(result: PruneResult) -> None:
    verb = "goes" if result.dry_run else "deleted"
    console.listing(
        ("ID", "DECISION", "WHY"),
        (
            (
                e.id,
                "kept" if e.keep else verb,
                _why(e),
            )
            for e in result.entries
        ),
        empty=f"no backups in {result.target}",
    )
    console.facts(
        "",
        [
            ("leftovers", ", ".join(result.swept_sets)),
            ("unfinished uploads", result.swept_uploads or None),
            ("media files", result.media_deleted or None),
            ("would free" if result.dry_run else "freed", console.size(result.bytes_freed)),
        ],
    )
    for warning in result.warnings:
        console.warn(warning)
