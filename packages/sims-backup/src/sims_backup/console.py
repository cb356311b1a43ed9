"""What a person or a program sees: a table or JSON on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import NoReturn, TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sims_backup import events
from sims_backup.contract.exits import Exit
from sims_common.errors import SimsError

R = TypeVar("R", bound=BaseModel)

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_KIB = 1024.0


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


def size(amount: float) -> str:
    """``12.3 MiB``"""
    unit = 0
    while amount >= _KIB and unit < len(_UNITS) - 1:
        amount /= _KIB
        unit += 1
    return f"{amount:.{1 if unit else 0}f} {_UNITS[unit]}"


def seconds(amount: float | None) -> str:
    """``0.8 s``, ``3 m 12 s``"""
    if amount is None:
        return "-"
    minutes, rest = divmod(amount, 60)
    return f"{int(minutes)} m {rest:.0f} s" if minutes else f"{rest:.1f} s"


def report(result: R, output: Output, show: Callable[[R], None], code: Exit = Exit.OK) -> NoReturn:
    """The end of every verb: the result as asked for, in the outcome too, and the exit code."""
    events.current().result = result
    if output is Output.JSON:
        text = json.dumps(result.model_dump(mode="json"), indent=2, ensure_ascii=False)
        sys.stdout.write(f"{text}\n")
    else:
        show(result)
    raise typer.Exit(int(code))


def facts(title: str, rows: Iterable[tuple[str, object]]) -> None:
    """A two-column listing; empty values are left out."""
    table = Table(show_header=False, box=None)
    for label, value in rows:
        if value not in (None, "", [], {}):
            table.add_row(f"[bold]{label}[/bold]", escape(str(value)))
    console = _console()
    if title:
        console.print(escape(title), soft_wrap=True)
    console.print(table)


def listing(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
        count += 1
    _console().print(table if count else empty)


def say(text: str) -> None:
    _console().print(escape(text))


def warn(text: str) -> None:
    Console(stderr=True).print(f"[yellow]{escape(text)}[/yellow]", soft_wrap=True)


def show_error(error: SimsError) -> None:
    """One line and what to do; on no terminal the same text without colour."""
    console = Console(stderr=True)
    console.print(f"[red]{escape(error.title)}:[/red] {escape(error.detail)}", soft_wrap=True)


def _console() -> Console:
    """Wide when nobody looks, so that a pipe gets whole lines."""
    return Console() if sys.stdout.isatty() else Console(width=200)
