"""One ``sims up`` per state directory. The kernel frees the lock when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sims_cli.errors import StackError


class AlreadyRunning(StackError):
    code = "ALREADY_RUNNING"
    title = "SIMS runs already"


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Holds the lock for the block.

    Raises ``AlreadyRunning`` with the holder's process id.
    """
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"SIMS runs already on {path.parent} (process {holder(path)})."
                " Stop it with `sims down`, or set SIMS_HOME for a second installation."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def holder(path: Path) -> int | None:
    """The process that holds the lock now; None when nobody does."""
    try:
        file = path.open("r+", encoding="ascii")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = file.read().strip()
            return int(text) if text else None
    return None
