"""``sims-backup show``: everything known about one set."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_backup import console
from sims_backup.console import Output
from sims_backup.contract.results import ShowResult
from sims_backup.engine.context import Context
from sims_backup.settings import BackupSettings
from sims_common.settings import load


def command(
    name: Annotated[str, typer.Argument(metavar="ID", help="id of a backup, or latest")],
    target: Annotated[str | None, typer.Option(help="directory or s3://bucket/prefix")] = None,
    output: Annotated[Output, typer.Option(help="table or json")] = Output.TABLE,
) -> None:
    """Show a backup: origin, contents, tables, marks of verification and drills."""
    with Context.open(load(BackupSettings), target) as context:
        stored = context.repository.find(name)
    result = ShowResult(
        manifest=stored.manifest, state=stored.state, marks=stored.marks, pin=stored.pin
    )
    console.report(result, output, _show)


def _show(stored: ShowResult) -> None:
    manifest = stored.manifest
    media = manifest.media
    console.facts(
        f"Backup {manifest.id}",
        [
            ("state", stored.state),
            ("kind", manifest.kind),
            ("format", manifest.format),
            ("data as of", manifest.snapshot_at),
            ("size", console.size(manifest.size)),
            ("database", manifest.database.name),
            ("installation", manifest.installation_id),
            ("server", f"PostgreSQL {manifest.server.version}"),
            ("asked for by", manifest.parent),
            ("made by", f"{manifest.tools.engine}, pg_dump {manifest.tools.pg_dump}"),
            ("schema revision", manifest.schema_revision),
            ("rows", f"{manifest.rows} in {len(manifest.tables)} tables"),
            ("media", f"{media.files} files, {console.size(media.size)}" if media else "none"),
            ("missing media", ", ".join(media.missing[:10]) if media else ""),
            ("changed media", ", ".join(media.changed[:10]) if media else ""),
            ("encrypted for", ", ".join(manifest.encryption.recipients))
            if manifest.encryption
            else ("encrypted for", "nobody: not encrypted"),
            ("pinned", stored.pin.reason if stored.pin else ""),
        ],
    )
    console.listing(
        ("WHEN", "WHAT", "RESULT", "SECONDS", "PROBLEMS"),
        (
            (
                f"{m.at:%Y-%m-%d %H:%M}",
                m.kind,
                "passed" if m.passed else "FAILED",
                f"{m.duration:.1f}",
                "; ".join(m.problems),
            )
            for m in stored.marks
        ),
        empty="no verification or drill since it was published",
    )
