"""``sims migrate``"""

from __future__ import annotations

from typing import Annotated

import typer

from sims_cli.output import Output, OutputOption, console, print_json


def migrate(
    *,
    target: Annotated[str, typer.Option(help="Revision to migrate to.")] = "head",
    wait: Annotated[
        int, typer.Option(min=0, help="Seconds to wait for a database that does not answer yet.")
    ] = 0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Bring the schema to this version.

    Any number of processes may do so at once: one works, the others wait. A database that is
    newer than this program is left as it is.
    """
    from sims_cli.database import connected, until_it_answers  # noqa: PLC0415 (sims --help stays quick)
    from sims_core import migrate as migrations  # noqa: PLC0415 (same)

    with connected("sims migrate", statement_timeout=0) as engine:
        until_it_answers(engine, seconds=wait)
        before, after = migrations.upgrade(engine, target)
    if output is Output.JSON:
        print_json({"before": before, "after": after, "changed": before != after})
    elif after not in migrations.known_revisions():
        console().print(
            f"Nothing to do: the schema is at {after}, newer than this program"
            f" ({migrations.head()}), which still works with it."
        )
    elif before == after:
        console().print(f"Nothing to do: the schema is at {after}.")
    else:
        console().print(f"Migrated: {before or 'empty'} → {after}")
