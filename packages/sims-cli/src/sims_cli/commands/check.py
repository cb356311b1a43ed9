"""``sims check``"""

from __future__ import annotations

from sims_cli.exit_codes import Exit
from sims_cli.findings import show
from sims_cli.output import Output, OutputOption


def check(*, output: OutputOption = Output.TABLE) -> None:
    """Check configuration and data.

    Settings, schema, row counters, grading schemes, permissions. Exit code 1 when something
    is wrong; each finding says what to do.
    """
    from sims_cli.consistency import findings  # noqa: PLC0415 (sims --help stays quick)

    if show(findings(), output):
        raise SystemExit(Exit.FAILED)
