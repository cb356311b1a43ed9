"""Keeps the parts of a local installation running, and ends them in the right order."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from sims_cli.errors import StartFailed
from sims_cli.stack import leftovers
from sims_cli.stack.logfiles import LogPump
from sims_cli.stack.process import (
    Child,
    Command,
    last_lines,
    spawn,
    stop_together,
    wait_until,
)
from sims_cli.state import State
from sims_common.errors import SimsError

LONGEST_BACKOFF = 30.0  # seconds
STABLE_AFTER = 60.0  # seconds; then a failure counts as the first one again
LOOK_EVERY = 0.1  # seconds


class Startable(Protocol):
    """A part: see ``server.LocalServer`` and ``services``."""

    start_timeout: float

    def prepare(self) -> Command: ...
    def ready(self) -> bool: ...
    def after_start(self) -> None: ...


class StopRequested(BaseException):
    """Ctrl-C or SIGTERM while parts are being started."""


@dataclass
class _Part:
    name: str
    startable: Startable
    stage: int
    child: Child | None = None
    failures: int = 0
    restart_at: float | None = None


class Supervisor:
    """Starts parts, restarts those that die, stops all of them by falling ``stage``."""

    def __init__(self, state: State, pump: LogPump, say: Callable[[str, str], None]) -> None:
        """``say(name, line)`` tells the user."""
        self._state = state
        self._pump = pump
        self._say = say
        self._parts: list[_Part] = []
        self._signals = 0
        self._woken = threading.Event()
        self._starting = True
        self._spawning = False

    def start(self, name: str, startable: Startable, *, stage: int) -> None:
        """Starts a part without waiting for its answer."""
        part = _Part(name, startable, stage)
        self._parts.append(part)
        self._spawn(part)

    def wait_ready(self, name: str) -> None:
        """Waits for the first answer of a started part.

        Raises ``StartFailed`` with the end of its log.
        """
        part = next(p for p in self._parts if p.name == name)
        if part.child is None:
            raise StartFailed(f"{name} was not started")
        wait_until(
            part.startable.ready,
            part.child,
            seconds=part.startable.start_timeout,
            explain=lambda: last_lines(self._pump.path(name)),
        )
        part.startable.after_start()

    def watch(self) -> None:
        """Restarts what dies, until Ctrl-C or SIGTERM."""
        self._starting = False
        while self._signals == 0:
            for part in self._parts:
                self._look_after(part)
            self._woken.wait(LOOK_EVERY)

    def stop(self) -> None:
        """Ends every part; a second signal makes it hurry."""
        self._starting = False
        for stage in sorted({part.stage for part in self._parts}, reverse=True):
            children = [p.child for p in self._parts if p.stage == stage and p.child]
            self._stop_stage(children)
        leftovers.stop(leftovers.find(self._state))
        leftovers.record(self._state, [])

    def _stop_stage(self, children: list[Child]) -> None:
        for child in stop_together(children, hurry=lambda: self._signals > 1):
            self._say(child.command.name, f"process {child.pid} survives even SIGKILL")

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Turns SIGINT, SIGTERM and SIGHUP into an orderly stop for the block."""
        wanted = (signal.SIGINT, signal.SIGHUP)  # ignored: nohup and `sims up &` ask for it
        heard = [number for number in wanted if signal.getsignal(number) != signal.SIG_IGN]
        numbers = [signal.SIGTERM, *heard]
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._woken.set()
        if self._starting and not self._spawning:
            self._starting = False
            raise StopRequested(number)

    def _spawn(self, part: _Part) -> None:
        command = part.startable.prepare()
        output = self._pump.pipe(part.name)
        self._spawning = True  # a signal now must not lose the child
        try:
            part.child = spawn(command, output=output)
        finally:
            os.close(output)
            self._spawning = False
        part.restart_at = None
        leftovers.record(self._state, [p.child for p in self._parts if p.child])
        if self._starting and self._signals:
            raise StopRequested

    def _look_after(self, part: _Part) -> None:
        now = time.monotonic()
        if part.restart_at is not None:
            if now >= part.restart_at:
                self._restart(part)
            return
        if part.child is None or (code := part.child.exit_code()) is None:
            return
        part.child.end_session()
        if now - part.child.started_at > STABLE_AFTER:
            part.failures = 0
        self._plan_restart(part, f"ended ({_meaning(code)})")

    def _plan_restart(self, part: _Part, what: str) -> None:
        delay = min(0.25 * 2**part.failures, LONGEST_BACKOFF)
        part.failures += 1
        part.restart_at = time.monotonic() + delay
        log = self._pump.path(part.name)
        self._say(part.name, f"{what}; starts again in {delay:g} s; log: {log}")

    def _restart(self, part: _Part) -> None:
        try:
            self._spawn(part)
        except (SimsError, OSError) as error:
            self._plan_restart(part, f"cannot start: {error}")
        else:
            self._say(part.name, "started again")


def _meaning(code: int) -> str:
    """An exit code in words; negative codes are signals."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
