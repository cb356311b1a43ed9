"""What a check found, and how ``sims check`` and ``sims doctor`` show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from rich.text import Text

from sims_cli.output import Output, console, print_json


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_STYLE = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}


@dataclass(frozen=True)
class Finding:
    """``fix`` says what to do; it is empty when all is well."""

    name: str
    level: Level
    detail: str
    fix: str = ""


def show(findings: Iterable[Finding], output: Output) -> bool:
    """Prints them, as they come on a terminal; True when one of them failed."""
    if output is Output.JSON:
        found = list(findings)
        print_json([asdict(finding) for finding in found])
        return any(finding.level is Level.FAIL for finding in found)
    out, failed = console(), False
    for finding in findings:
        failed |= finding.level is Level.FAIL
        out.print(
            Text.assemble(
                (f"{finding.level.value:<5}", _STYLE[finding.level]),
                (f"{finding.name:<26}", "bold"),
                finding.detail,
            )
        )
        if finding.fix:
            out.print(Text(f"     → {finding.fix}"))
    return failed
