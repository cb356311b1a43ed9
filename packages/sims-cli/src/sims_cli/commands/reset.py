"""``sims reset``"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sims_cli.exit_codes import Exit
from sims_cli.failures import refuse
from sims_cli.state import find


def reset(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop SIMS and delete its local data.

    That is the state directory: database, mails, passwords and logs.
    """
    from sims_cli.stack.down import delete  # noqa: PLC0415 (sims --help stays quick)

    state = find()
    if not yes:
        if not sys.stdin.isatty():
            refuse(f"This would delete {state.root}. Say so with --yes.", Exit.USAGE)
        typer.confirm(f"Delete {state.root} with its database, mails and passwords?", abort=True)
    delete(state)
