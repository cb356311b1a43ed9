"""What commands print: a table for people or JSON for programs, on stdout alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

NO_TERMINAL = 10_000
"""Columns in a pipe: nothing is cut there."""


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="table for people, json for programs.")
]


def console() -> Console:
    """Standard output; colours only on a terminal and without NO_COLOR."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else NO_TERMINAL)


def errors() -> Console:
    """Standard error, for progress and problems."""
    width = None if sys.stderr.isatty() else NO_TERMINAL
    return Console(stderr=True, highlight=False, width=width)


def print_json(value: object) -> None:
    sys.stdout.write(f"{json.dumps(value, indent=2, default=str)}\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> Table:
    """Cells are plain text: no markup of theirs is interpreted."""
    found = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False)
    for row in rows:
        found.add_row(*(Text(str(cell)) for cell in row))
    return found
