"""Progress bars of a seed, on a terminal only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sims_cli.seed.run import Progress as Callback


@contextmanager
def bars(console: Console) -> Iterator[Callback]:
    """A callback for ``run.seed`` that draws one bar for each table."""
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks = {name: progress.add_task(name, total=None) for name in ("students", "results")}
        yield lambda name, done, total: progress.update(tasks[name], completed=done, total=total)
