"""``sims smoke``"""

from __future__ import annotations

from typing import Annotated

import typer

from sims_cli.exit_codes import Exit
from sims_cli.findings import show
from sims_cli.output import Output, OutputOption


SETTLING = 30.0
"""Seconds for the database to answer: a new pod is let through by its network policy a moment
after it has started."""


def smoke(
    *,
    url: Annotated[str, typer.Option(help="Of the API.")] = "http://127.0.0.1:8000",
    mail_to: Annotated[
        str, typer.Option(help="Who gets the transcript; default: the sender, SIMS_MAIL_FROM.")
    ] = "",
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that the transcript may take.")] = 60,
    output: OutputOption = Output.TABLE,
) -> None:
    """Prove that SIMS works: sign in, write a record, have a transcript mailed.

    A superuser is made for this one run, with a password that nobody learns; it and all that
    it wrote is removed afterwards. Exit code 1 when a step fails.
    """
    from email.utils import parseaddr  # noqa: PLC0415 (sims --help stays quick)

    from sims_cli.database import connected, until_it_answers  # noqa: PLC0415 (same)
    from sims_cli.smoke.run import run  # noqa: PLC0415 (same)
    from sims_common.settings import MailSettings  # noqa: PLC0415 (same)

    with connected("sims smoke") as engine:
        until_it_answers(engine, seconds=SETTLING)
        address = mail_to or parseaddr(MailSettings().mail_from)[1]
        found = run(engine, url=url.rstrip("/"), mail_to=address, seconds=timeout)
    if show(found, output):
        raise SystemExit(Exit.FAILED)
