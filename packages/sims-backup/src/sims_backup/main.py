"""The ``sims-backup`` command: one file a verb, loaded when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typing_extensions import override

from sims_backup.console import show_error
from sims_backup.contract.exits import Exit
from sims_common.errors import SimsError
from sims_common.logs import configure
from sims_common.settings import LogSettings, load

VERBS = (
    "backup",
    "list",
    "show",
    "verify",
    "restore",
    "undo",
    "drill",
    "prune",
    "pin",
    "unpin",
    "sync",
    "doctor",
)


class Verbs(TyperGroup):
    """Imports ``sims_backup.verbs.<verb>`` only when that verb is asked for."""

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        module = import_module(f"sims_backup.verbs.{cmd_name}")
        single = typer.Typer(add_completion=False)
        single.command(name=cmd_name)(module.command)
        return typer.main.get_command(single)


app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    help="Backups of PostgreSQL and media that are proven by restoring them.",
)


@app.callback()
def _settings() -> None:
    configure(load(LogSettings), service="sims-backup")


def main() -> None:
    """Exit codes: ``sims_backup.contract.exits`` and docs/adr/0020."""
    try:
        app(prog_name="sims-backup")
    except SimsError as error:
        show_error(error)
        sys.exit(int(getattr(error, "exit_code", Exit.FAILED)))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
