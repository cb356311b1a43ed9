"""``sims audit``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sims_cli.exit_codes import Exit
from sims_cli.failures import refuse
from sims_cli.output import Output, OutputOption, console, print_json, table

app = typer.Typer(
    name="audit", help="The audit trail: verify it, sign its heads.", no_args_is_help=True
)
SHOWN = 50


@app.command("verify")
def verify(
    *,
    against: Annotated[
        Path | None, typer.Option(help="Seals kept elsewhere: what `sims audit seal` printed.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check that no event of the trail was changed, deleted, reordered or cut off.

    Exit code 1 when one was; each finding names chain and position.
    """
    from sims_cli import audit_trail  # noqa: PLC0415 (sims --help stays quick)

    report = audit_trail.verified(against)
    if output is Output.JSON:
        print_json(
            {
                "events": report.events,
                "seals": report.seals,
                "protected": report.protected,
                "findings": [vars(finding) for finding in report.findings],
            }
        )
    else:
        shown = report.findings[:SHOWN]
        if shown:
            rows = [(f.chain, f.position, f.problem) for f in shown]
            console().print(table(["Chain", "Position", "Problem"], rows))
        console().print(
            f"{report.events} events, {report.seals} seals, {len(report.findings)} findings."
        )
        if not report.protected:
            console().print(
                "The application's role owns the trail: it could switch its triggers off."
                " `sims audit protect` gives it to a role of its own."
            )
    if report.findings:
        raise SystemExit(Exit.FAILED)


@app.command("seal")
def seal() -> None:
    """Sign the heads of the trail and print them, to be kept elsewhere."""
    from sims_cli import audit_trail  # noqa: PLC0415 (same)

    console().print(audit_trail.sealed(), markup=False, soft_wrap=True)


@app.command("protect")
def protect(
    *,
    role: Annotated[str, typer.Option(help="The role that the application uses.")] = "sims",
) -> None:
    """Give the trail to a role of its own.

    Takes the URL of a superuser from SIMS_AUDIT_ADMIN_URL or the file named by
    SIMS_AUDIT_ADMIN_URL_FILE.
    """
    from sims_cli import audit_trail  # noqa: PLC0415 (same)

    if not audit_trail.protected(role):
        refuse("Set SIMS_AUDIT_ADMIN_URL_FILE to the URL of a superuser.", Exit.USAGE)
    console().print(f"The audit trail belongs to sims_audit; {role} may add to it and read it.")
