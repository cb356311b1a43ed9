"""The ``sims`` command."""

from __future__ import annotations

import sys

import typer

from sims_cli import exit_codes
from sims_cli.commands import (
    audit,
    backup,
    check,
    createsuperuser,
    doctor,
    down,
    health,
    jobs,
    mail,
    migrate,
    reset,
    rqstats,
    secrets,
    seed,
    signing_certificate,
    smoke,
    up,
)
from sims_cli.failures import explain

app = typer.Typer(
    name="sims",
    help="SIMS, the student information system: run it, fill it, look after it.",
    epilog=exit_codes.HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # boxes would cost 0.15 s: typer imports a Markdown parser for them
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("down")(down.down)
app.command("reset")(reset.reset)
app.add_typer(mail.app, name="mail")
app.add_typer(audit.app, name="audit")
app.command("migrate")(migrate.migrate)
app.command("createsuperuser")(createsuperuser.createsuperuser)
app.command("seed")(seed.seed)
app.command("signing-certificate")(signing_certificate.signing_certificate)
app.add_typer(jobs.app, name="jobs")
app.command("rqstats")(rqstats.rqstats)
app.command("check")(check.check)
app.command("doctor")(doctor.doctor)
app.command("health")(health.health)
app.command("smoke")(smoke.smoke)
app.add_typer(secrets.app, name="secrets")
app.command("backup", context_settings=backup.PASSED_ON, add_help_option=False)(backup.backup)


def main() -> None:
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(exit_codes.Exit.INTERRUPTED)
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        sys.stderr.write(f"sims: {known.message}\n")
        sys.exit(known.exit_code)
