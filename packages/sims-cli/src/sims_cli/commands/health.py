"""``sims health``"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from sims_cli.exit_codes import Exit
from sims_cli.failures import refuse
from sims_cli.output import Output, OutputOption, console, print_json


def health(
    *,
    url: Annotated[str, typer.Option(help="Of the API; default: the local installation.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the API how it is.

    Exit code 0 when it is ok, 1 when degraded, 69 when it does not answer.
    """
    import json  # noqa: PLC0415 (sims --help stays quick)

    from sims_cli import web  # noqa: PLC0415 (same)
    from sims_cli.state import find, use_local_installation  # noqa: PLC0415 (same)

    use_local_installation(find())
    port = os.environ.get("SIMS_API_PORT", "8000")
    base = url.rstrip("/") or f"http://127.0.0.1:{port}"
    answer = web.get(f"{base}/api/health/", timeout=10)
    if answer.status == 0:
        refuse(f"{base} does not answer: {answer.error}", Exit.UNAVAILABLE)
    try:
        report = json.loads(answer.body)
    except ValueError:
        refuse(f"{base} answers {answer.status}, but not with a health report.", Exit.UNAVAILABLE)
    if output is Output.JSON:
        print_json(report)
    else:
        console().print(f"{report['status']}  (version {report['version']})")
        for name, check in report["checks"].items():
            more = "  ".join(f"{k}={v}" for k, v in check.items() if k != "status")
            console().print(f"  {name:<12}{check['status']:<9}{more}")
    if answer.status != web.OK:
        raise SystemExit(Exit.FAILED)
