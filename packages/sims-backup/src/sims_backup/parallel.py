"""Daemon worker threads and the deadline they work under.

``concurrent.futures`` joins its threads at exit, so one hung socket would keep a
process beyond its deadline; these threads die with it.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from sims_backup.errors import DeadlinePassed

T = TypeVar("T")
R = TypeVar("R")


def signal_group(leader: int, number: signal.Signals) -> None:
    """To a tool and its workers: stopped workers of a killed leader would never end."""
    with suppress(ProcessLookupError):
        os.killpg(leader, number)


class Deadline:
    """End of the run; also kills the process groups of the children registered with it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._children: set[subprocess.Popen[bytes]] = set()
        self._guard = threading.Lock()
        self._timer = threading.Timer(seconds, self.kill_children)
        self._timer.daemon = True
        self._timer.start()

    def check(self) -> None:
        if time.monotonic() >= self._end:
            raise DeadlinePassed(
                f"not finished after {self.seconds:.0f} s; nothing was published. Raise "
                "SIMS_BACKUP_DEADLINE or find what is slow in the log"
            )

    def watch(self, _bytes: int) -> None:
        self.check()

    def register(self, child: subprocess.Popen[bytes]) -> None:
        with self._guard:
            self._children.add(child)

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        with self._guard:
            self._children.discard(child)

    def kill_children(self) -> None:
        with self._guard:
            children = list(self._children)
        for child in children:
            signal_group(child.pid, signal.SIGKILL)

    def close(self) -> None:
        self._timer.cancel()


class Workers:
    """``size`` daemon threads; leaving the block by an error drops what is queued."""

    def __init__(self, size: int, deadline: Deadline, name: str) -> None:
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]
        self._queue = queue.SimpleQueue()
        self._deadline = deadline
        self.size = size
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True)
            for n in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Callable[[], R]) -> Future[R]:
        future: Future[R] = Future()
        self._queue.put((future, task))
        return future

    def wait(self, future: Future[R]) -> R:
        """The result, or its error, or ``DeadlinePassed``."""
        while True:
            try:
                return future.result(timeout=0.5)
            except TimeoutError:
                if future.done():
                    raise
                self._deadline.check()

    def map(self, task: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Results in order, at most four items a thread in flight."""
        pending: list[Future[R]] = []
        for item in items:
            pending.append(self.submit(lambda item=item: task(item)))  # type: ignore[misc]  # mypy can't infer a lambda with a default
            if len(pending) >= 4 * self.size:
                yield self.wait(pending.pop(0))
        for future in pending:
            yield self.wait(future)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            future, task = job
            if self._stopped.is_set() or not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(task())
            except BaseException as error:  # noqa: BLE001  handed to the waiting thread
                future.set_exception(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._stopped.set()
            self._deadline.kill_children()
        for _ in self._threads:
            self._queue.put(None)
        limit = 5.0 if kind is not None else None
        for thread in self._threads:
            thread.join(timeout=limit)
