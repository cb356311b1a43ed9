"""One child process: how it starts, how it stops, and that it does not outlive its parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from sims_cli.errors import StartFailed
from sims_cli.stack.accounts import Account

PR_SET_PDEATHSIG = 1  # linux/prctl.h
Stop = tuple[signal.Signals, float]
"""A signal and how many seconds it gets before the next one is sent."""

GENTLE: tuple[Stop, ...] = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True)
class Command:
    """What to run. ``account`` is None for the caller's own account.

    ``stop`` lists the signals that end it, from the kind one to the last resort.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    account: Account | None = None
    stop: Sequence[Stop] = GENTLE
    cwd: Path = field(default=Path("/"))


def spawn(command: Command, *, output: int | IO[bytes], parent_death: bool = True) -> Child:
    """Starts ``command`` in a session of its own, so that Ctrl-C reaches the caller alone.

    With ``parent_death`` Linux ends it when the calling *thread* dies, even by SIGKILL.
    Raises ``StartFailed`` when it cannot be executed.
    """
    account = command.account
    try:
        process = subprocess.Popen(  # noqa: S603 (argv lists made here, no shell)
            list(command.argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(command.env),
            cwd=command.cwd,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_tether(command.stop[0][0]) if parent_death else None,  # noqa: PLW1509 (one prepared system call)
        )
    except OSError as error:
        raise StartFailed(
            f"{command.name}: cannot run {command.argv[0]}: {error.strerror}"
        ) from error
    return Child(command, process)


class Child:
    """A started command."""

    def __init__(self, command: Command, process: subprocess.Popen[bytes]) -> None:
        self.command = command
        self.process = process
        self.started_at = time.monotonic()

    @property
    def pid(self) -> int:
        return self.process.pid

    def exit_code(self) -> int | None:
        return self.process.poll()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        """Ends it within the time its ``stop`` list allows; returns its exit code."""
        stop_together([self])
        return self.process.wait()

    def end_session(self) -> None:
        """Kills what the process started and left behind when it died."""
        for pid in psutil.pids():
            with contextlib.suppress(ProcessLookupError):
                if pid != os.getpid() and os.getsid(pid) == self.pid:
                    os.kill(pid, signal.SIGKILL)


def stop_together(
    children: Sequence[Child], *, hurry: Callable[[], bool] = lambda: False
) -> list[Child]:
    """Ends all of them side by side, each by its own ``stop`` list; returns the survivors.

    Once ``hurry()`` is true, a signal gets a second at most. Survivors of SIGKILL hang in
    the kernel.
    """
    waiting = {child: _Ending(child) for child in children}
    survivors = []
    while waiting:
        for child, ending in list(waiting.items()):
            if child.exit_code() is not None:
                child.end_session()
                del waiting[child]
            elif not ending.go_on(hurry=hurry()):
                survivors.append(child)
                del waiting[child]
        time.sleep(0.01)
    return survivors


class _Ending:
    """How far the ending of one child has come."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._left = list(child.command.stop)
        self._until = 0.0

    def go_on(self, *, hurry: bool) -> bool:
        """Sends the next signal when its time has come; False when there is none left."""
        now = time.monotonic()
        if now < self._until and not (hurry and self._left):
            return True
        if not self._left:
            return False
        number, seconds = self._left.pop(0)
        self._child.signal(number)
        self._until = now + (min(seconds, 1.0) if hurry and self._left else seconds)
        return True


def _tether(number: signal.Signals) -> Callable[[], None] | None:
    """Asks Linux to send ``number`` to the child when its parent dies."""
    if not sys.platform.startswith("linux"):
        return None
    parent = os.getpid()
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)

    return before_exec


def wait_until(
    ready: Callable[[], bool], child: Child, *, seconds: float, explain: Callable[[], str]
) -> None:
    """Polls ``ready`` every 10 ms.

    Raises ``StartFailed`` with ``explain()`` when the child ends or the time is over.
    """
    end = time.monotonic() + seconds
    while not ready():
        code = child.exit_code()
        if code is not None:
            raise StartFailed(f"{child.command.name} ended with {code}.\n{explain()}")
        if time.monotonic() > end:
            raise StartFailed(f"{child.command.name} gave no answer in {seconds:g} s.\n{explain()}")
        time.sleep(0.01)


def last_lines(path: Path, count: int = 12) -> str:
    """The end of a log file, or where it should have been."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return f"(no log at {path}: {error.strerror})"
    return "\n".join([f"{path}:", *lines[-count:]])
