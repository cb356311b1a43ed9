"""``sims doctor``"""

from __future__ import annotations

from sims_cli.exit_codes import Exit
from sims_cli.findings import show
from sims_cli.output import Output, OutputOption


def doctor(*, output: OutputOption = Output.TABLE) -> None:
    """Look at everything SIMS depends on.

    Python, PostgreSQL, Redis, mail, API, disk, time. Exit code 1 when something fails; each
    finding says what to do.
    """
    from sims_cli.diagnosis import findings  # noqa: PLC0415 (sims --help stays quick)

    if show(findings(), output):
        raise SystemExit(Exit.FAILED)
