"""``sims seed``"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sims_cli.exit_codes import Exit
from sims_cli.failures import refuse
from sims_cli.output import Output, OutputOption, console, errors, print_json, table

if TYPE_CHECKING:
    from sims_cli.seed.run import Seeded


def seed(
    *,
    students: Annotated[int, typer.Option(min=1, max=2_000_000, help="How many.")] = 50,
    seed: Annotated[int, typer.Option("--seed", help="Same number, same rows.")] = 1,
    clear: Annotated[
        bool, typer.Option("--clear", help="First delete all students, programs and results.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before --clear.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Fill the database with a demo college.

    Made-up programs, courses, exams, students and results, and a login for each role. The
    same --seed and --students give the same rows.
    """
    from sims_cli.database import connected  # noqa: PLC0415 (sims --help stays quick)
    from sims_cli.seed import run  # noqa: PLC0415 (same)
    from sims_cli.seed.bars import bars  # noqa: PLC0415 (same)
    from sims_cli.state import find, use_local_installation  # noqa: PLC0415 (same)

    if clear and not yes:
        _confirm()
    state = find()
    file = state.demo_passwords if use_local_installation(state) else None
    with connected("sims seed", statement_timeout=0) as engine, bars(errors()) as progress:
        done = run.seed(
            engine, students=students, seed=seed, passwords=file, clear=clear, progress=progress
        )
    if output is Output.JSON:
        users = [
            {"username": u.username, "role": u.role, "password": u.password} for u in done.users
        ]
        print_json({"seed": seed, "rows": done.rows, "users": users})
        return
    _show(done, str(file) if file else "")


def _confirm() -> None:
    if not sys.stdin.isatty():
        refuse("--clear deletes students, programs and results. Say so with --yes.", Exit.USAGE)
    typer.confirm("Delete all students, programs, results and transcript requests?", abort=True)


def _show(done: Seeded, file: str) -> None:
    out = console()
    out.print(table(("Table", "Rows"), ((name, f"{n:,}") for name, n in done.rows.items())))
    where = f"kept in {file}" if file else "shown this once"
    rows = ((u.username, u.role, u.password or "(as before)") for u in done.users)
    out.print(table(("Login", "Role", f"Password ({where})"), rows))
