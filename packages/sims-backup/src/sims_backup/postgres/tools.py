"""Running PostgreSQL's tools: argument lists only, stderr kept, killed at the deadline."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Self

from sims_backup.errors import BackupError, DatabaseUnavailable, NoSpace, ToolFailed
from sims_backup.parallel import Deadline, signal_group
from sims_common.logs import get_logger

log = get_logger(__name__)

_TAIL = 20
_SPACE = re.compile(r"No space left on device|could not (write|extend)|disk full", re.IGNORECASE)
_GONE = re.compile(r"connection to server|server closed the connection|terminating connection")


class Tool:
    """One running tool and its workers, a process group. ``finish`` raises unless it ended with 0.

    The group also helps when we are killed while it is stopped: the kernel hangs an orphaned
    group up, so nobody is left stopped with locks held.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: dict[str, str],
        deadline: Deadline,
        *,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | None = subprocess.DEVNULL,
        on_line: Callable[[str], None] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = Path(argv[0]).name
        self._deadline = deadline
        self._tail: deque[str] = deque(maxlen=_TAIL)
        self._on_line = on_line
        self.process = subprocess.Popen(  # noqa: S603  argument list, no shell
            list(argv),
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=cwd,
            process_group=0,
        )
        deadline.register(self.process)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        stream: Iterable[bytes] = self.process.stderr or ()
        for raw in stream:
            line = raw.decode(errors="replace").rstrip()
            self._tail.append(line)
            if self._on_line is not None:
                self._on_line(line)

    @property
    def output(self) -> IO[bytes]:
        if self.process.stdout is None:
            raise ToolFailed(f"{self.name} was started without an output pipe")
        return self.process.stdout

    @property
    def input(self) -> IO[bytes]:
        if self.process.stdin is None:
            raise ToolFailed(f"{self.name} was started without an input pipe")
        return self.process.stdin

    def finish(self) -> None:
        self._deadline.check()
        while True:
            try:
                code = self.process.wait(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                self._deadline.check()
        self._listener.join(timeout=5)
        self._deadline.check()
        if code != 0:
            raise self.failure(code)

    def failure(self, code: int) -> BackupError:
        lines = [line for line in self._tail if _speaks(line)] or list(self._tail)
        said = " | ".join(lines[-4:]) or "it said nothing"
        if _SPACE.search(said):
            return NoSpace(f"{self.name}: {said}")
        if _GONE.search(said):
            return DatabaseUnavailable(f"{self.name}: {said}")
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return ToolFailed(f"{self.name} failed ({how}): {said}")

    def pause(self) -> None:
        """Stops pg_dump and its workers; the server just waits."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            signal_group(self.process.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            signal_group(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._listener.join(timeout=5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                _close(stream)
        self._deadline.forget(self.process)


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        log.debug("tool ended before it had read everything")


def _speaks(line: str) -> bool:
    return any(word in line for word in ("error:", "ERROR:", "FATAL:", "fatal:", "DETAIL:"))


def run(argv: Sequence[str], environment: dict[str, str], deadline: Deadline) -> None:
    with Tool(argv, environment, deadline) as tool:
        tool.finish()
