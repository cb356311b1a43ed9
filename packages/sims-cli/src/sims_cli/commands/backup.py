"""``sims backup …``"""

from __future__ import annotations

import typer

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def backup(context: typer.Context) -> None:
    """Back up, list, verify, drill, restore: `sims backup --help`.

    Everything after `backup` goes to `sims-backup`, with the settings of the local
    installation: `sims backup list`, `sims backup drill`, `sims backup restore latest --plan`.
    """
    from sims_cli import backups, state  # noqa: PLC0415 (sims --help stays quick)

    backups.run(state.find(), context.args or ["--help"])
