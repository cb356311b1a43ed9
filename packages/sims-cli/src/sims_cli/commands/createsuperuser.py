"""``sims createsuperuser``"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sims_cli.exit_codes import Exit
from sims_cli.failures import refuse
from sims_cli.output import Output, OutputOption, console, print_json


def createsuperuser(
    *,
    username: Annotated[str, typer.Option(help="Login name; asked for when left out.")] = "",
    email: Annotated[str, typer.Option(help="E-mail; asked for when left out.")] = "",
    generate: Annotated[
        bool, typer.Option("--generate", help="Make a password and print it once.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a user who may do everything.

    The password is asked for, or taken from SIMS_SUPERUSER_PASSWORD or the file named by
    SIMS_SUPERUSER_PASSWORD_FILE, or made by --generate. It has at least 12 characters.
    """
    from sims_cli import superuser  # noqa: PLC0415 (sims --help stays quick)
    from sims_cli.database import connected  # noqa: PLC0415 (same)

    username = username or _ask("User name")
    email = email or _ask("E-mail")
    password = superuser.generated() if generate else superuser.given()
    if password is None:
        password = _ask("Password", hidden=True)
    with connected("sims createsuperuser") as engine:
        id_ = superuser.create(engine, username=username, email=email, password=password)
    shown = password if generate else None
    if output is Output.JSON:
        print_json({"id": id_, "username": username, "email": email, "password": shown})
        return
    console().print(f"Superuser {username} was made.")
    if shown:
        console().print(f"Password, shown this once: {shown}", markup=False)


def _ask(what: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        option = (
            "SIMS_SUPERUSER_PASSWORD_FILE or --generate" if hidden else "--username and --email"
        )
        refuse(f"There is no terminal to ask for the {what.lower()}: use {option}.", Exit.USAGE)
    answer: str = typer.prompt(what, hide_input=hidden, confirmation_prompt=hidden, err=True)
    return answer
