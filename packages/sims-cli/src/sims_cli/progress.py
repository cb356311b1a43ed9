"""The steps of a long command: what happens now, and how long each one took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.text import Text


@dataclass
class Step:
    """``note`` is shown behind the step once it is done."""

    note: str = ""


class Steps:
    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """A line with its time when the block ends; a failed step is marked."""
        step, begin = Step(), time.monotonic()
        try:
            if self.console.is_terminal:
                with self.console.status(escape(name)):
                    yield step
            else:
                yield step
        except BaseException:
            self._line("✗", "red", name, step, begin)
            raise
        self._line("✓", "green", name, step, begin)

    def say(self, who: str, line: str) -> None:
        """Something that happened on its own."""
        now = time.strftime("%H:%M:%S")
        self.console.print(Text.assemble((f"{now} {who:<9}", "cyan"), line))

    def _line(self, mark: str, colour: str, name: str, step: Step, begin: float) -> None:
        seconds = f"{time.monotonic() - begin:5.1f} s"
        text = Text.assemble((mark, colour), " ", f"{name:<22}", (seconds, "dim"))
        if step.note:
            text.append(f"  {step.note}")
        self.console.print(text)
