"""``sims mail list`` and ``sims mail show``: what the local mail catcher holds."""

from __future__ import annotations

from typing import Annotated

import typer

from sims_cli.failures import refuse
from sims_cli.output import Output, OutputOption, console, print_json, table
from sims_cli.state import find

app = typer.Typer(help="Read the mails that the local catcher holds.", no_args_is_help=True)


@app.command("list")
def list_mails(*, output: OutputOption = Output.TABLE) -> None:
    """List the mails, the newest first."""
    from sims_cli.mail_catcher.store import MailStore  # noqa: PLC0415 (sims --help stays quick)

    mails = MailStore(find().mail).mails()
    if output is Output.JSON:
        print_json([mail.model_dump(mode="json") for mail in mails])
        return
    rows = (
        (m.id, f"{m.received_at:%Y-%m-%d %H:%M:%S}", m.recipient, m.subject, m.deliveries)
        for m in mails
    )
    console().print(table(("Id", "Received (UTC)", "To", "Subject", "Deliveries"), rows))


@app.command("show")
def show_mail(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="From `sims mail list`; its start will do.")
    ],
    *,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one mail: its envelope, text and attachments."""
    from sims_cli.mail_catcher import parts, store  # noqa: PLC0415 (sims --help stays quick)

    mails = store.MailStore(find().mail)
    found = [mail for mail in mails.mails() if mail.id.startswith(id_)]
    if len(found) != 1:
        refuse(f"{len(found)} mails have an id that starts with {id_}. See `sims mail list`.")
    mail = found[0]
    content = parts.split(store.parse(mails.content(mail.id)))
    names = [f"{a.name} ({a.content_type}, {len(a.content)} bytes)" for a in content.attachments]
    if output is Output.JSON:
        print_json({**mail.model_dump(mode="json"), "text": content.text, "attachments": names})
        return
    out = console()
    for name, value in (
        ("From", mail.sender),
        ("To", mail.recipient),
        ("Subject", mail.subject),
        ("Deliveries", mail.deliveries),
        ("File", mails.folder / f"{mail.id}.eml"),
        *(("Attachment", name) for name in names),
    ):
        out.print(f"{name:<12}{value}", markup=False)
    out.print(f"\n{content.text or '(no text)'}", markup=False)
