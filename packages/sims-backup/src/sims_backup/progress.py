"""Progress of a run: bars on a terminal, log lines elsewhere, seconds by stage always."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sims_backup import events
from sims_backup.contract.events import Progress as Event
from sims_common.clock import now
from sims_common.logs import get_logger

log = get_logger(__name__)

_EVERY = 10.0
_EVENT_EVERY = 2.0


class Display(Protocol):
    def begin(self, stage: str, total: int | None) -> None: ...

    def advance(self, stage: str, amount: int) -> None: ...

    def end(self, stage: str, seconds: float) -> None: ...

    def close(self) -> None: ...


class Progress:
    """Stages with an amount in bytes; safe to advance from any thread."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._guard = threading.Lock()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[None]:
        """``total`` in bytes, an estimate; a stage may come again and adds up."""
        started = time.monotonic()
        self._display.begin(name, total)
        try:
            yield
        finally:
            spent = time.monotonic() - started
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
            self._display.end(name, spent)

    def advance(self, stage: str, amount: int) -> None:
        with self._guard:
            self._display.advance(stage, amount)

    def close(self) -> None:
        self._display.close()


class LogDisplay:
    """A line at begin and end of a stage and every ten seconds between."""

    def __init__(self) -> None:
        self._done: dict[str, int] = {}
        self._began: dict[str, float] = {}
        self._said: dict[str, float] = {}

    def begin(self, stage: str, total: int | None) -> None:
        self._done[stage] = 0
        self._began[stage] = self._said[stage] = time.monotonic()
        log.info("stage began", stage=stage, expected_bytes=total)

    def advance(self, stage: str, amount: int) -> None:
        self._done[stage] = self._done.get(stage, 0) + amount
        moment = time.monotonic()
        if moment - self._said.get(stage, moment) >= _EVERY:
            self._said[stage] = moment
            spent = moment - self._began[stage]
            rate = int(self._done[stage] / spent)
            log.info("progress", stage=stage, bytes=self._done[stage], bytes_per_second=rate)

    def end(self, stage: str, seconds: float) -> None:
        log.info(
            "stage ended", stage=stage, bytes=self._done.get(stage, 0), seconds=round(seconds, 3)
        )

    def close(self) -> None:
        """Nothing is held open."""


class EventDisplay:
    """The same as events for a program, every two seconds."""

    def __init__(self, run: events.Run) -> None:
        self._run = run
        self._stages: dict[str, _Stage] = {}

    def begin(self, stage: str, total: int | None) -> None:
        moment = time.monotonic()
        self._stages[stage] = _Stage(moment, moment, total)
        self._tell(stage, "began", moment)

    def advance(self, stage: str, amount: int) -> None:
        known = self._stages.get(stage)
        if known is None:
            return
        known.done += amount
        moment = time.monotonic()
        if moment - known.told >= _EVENT_EVERY:
            known.told = moment
            self._tell(stage, "running", moment)

    def end(self, stage: str, seconds: float) -> None:
        del seconds
        self._tell(stage, "ended", time.monotonic())

    def close(self) -> None:
        """The outcome is the end."""

    def _tell(self, stage: str, state: Literal["began", "running", "ended"], at: float) -> None:
        known = self._stages[stage]
        spent = at - known.began
        self._run.progress(
            Event(
                at=now(),
                verb=self._run.verb,
                stage=stage,
                state=state,
                bytes=known.done,
                expected_bytes=known.total,
                bytes_per_second=int(known.done / spent) if known.done and spent else None,
                seconds=round(spent, 3),
            )
        )


@dataclass
class _Stage:
    began: float
    told: float
    total: int | None
    done: int = 0


class TerminalDisplay:
    """Rich bars on stderr."""

    def __init__(self) -> None:
        from rich import console, progress  # noqa: PLC0415  0.1 s, only on a terminal

        self._bars = progress.Progress(
            progress.TextColumn("{task.description:<12}"),
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeElapsedColumn(),
            console=console.Console(stderr=True),
        )
        self._bars.start()
        self._tasks: dict[str, Any] = {}

    def begin(self, stage: str, total: int | None) -> None:
        self._tasks[stage] = self._bars.add_task(stage, total=total)

    def advance(self, stage: str, amount: int) -> None:
        if stage in self._tasks:
            self._bars.advance(self._tasks[stage], amount)

    def end(self, stage: str, seconds: float) -> None:
        del seconds
        task = self._tasks.pop(stage, None)
        if task is not None:
            done = self._bars.tasks[task].completed
            self._bars.update(task, total=done or 1, completed=done or 1)

    def close(self) -> None:
        self._bars.stop()


def open_progress() -> Progress:
    run = events.current()
    if run.wanted:
        return Progress(EventDisplay(run))
    return Progress(TerminalDisplay() if sys.stderr.isatty() else LogDisplay())
