"""What the local servers have in common: prepare, start, answer, stop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from sims_cli.stack.process import Child, Command, last_lines, spawn, wait_until


class LocalServer(ABC):
    """A server with its files in ``home``. As a context manager it runs inside the block.

    A supervisor uses ``prepare`` and ``ready`` and owns the process itself.
    """

    start_timeout = 30.0  # seconds

    def __init__(self, home: Path) -> None:
        self.home = home
        self._child: Child | None = None

    @abstractmethod
    def prepare(self) -> Command:
        """Makes what the server needs on disk; may be repeated, also after files were lost."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers now."""

    def after_start(self) -> None:  # noqa: B027 (most servers need nothing more)
        """What is set up through the running server."""

    def start(self, log: Path) -> None:
        """Starts it and waits for its first answer; its output goes to ``log``.

        Raises ``StartFailed`` with the end of the log, ``Unsupported`` with what is missing.
        """
        command = self.prepare()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._child = spawn(command, output=output)
        try:
            wait_until(
                self.ready,
                self._child,
                seconds=self.start_timeout,
                explain=lambda: last_lines(log),
            )
            self.after_start()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def stop(self) -> None:
        """Ends it: kindly, then by force. Nothing happens when it does not run."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def __enter__(self) -> Self:
        self.start(self.home / "server.log")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
