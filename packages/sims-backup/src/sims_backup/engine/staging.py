"""Staging: a directory that pg_dump writes to, emptied file by file as items finish."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from typing_extensions import override

from sims_backup.errors import NoSpace
from sims_backup.steps import effect
from sims_backup.storage.local import disk_errors
from sims_common.logs import get_logger

log = get_logger(__name__)

_NAME = "sims-backup-"
FINISHED = re.compile(r"finished item (\d+) (TABLE DATA|BLOBS)")


class Staging:
    """A private directory, locked while its process lives; removed at the end.

    A killed process leaves it behind unlocked; the next run sweeps it.
    """

    def __init__(self, parent: str) -> None:
        sweep(parent)
        with disk_errors(Path(parent)), effect("fs.mkdir", parent):
            Path(parent).mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=_NAME, dir=parent))
            self._lock = os.open(self.path, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.peak = 0

    def measure(self) -> int:
        """Bytes now in staging; remembers the peak."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                total += _size(Path(folder) / name)
        self.peak = max(self.peak, total)
        return total

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with effect("fs.rmtree", str(self.path)):
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def sweep(parent: str) -> int:
    """Removes staging directories of dead processes; returns how many."""
    removed = 0
    for path in Path(parent).glob(f"{_NAME}*"):
        if not path.is_dir() or path.is_symlink() or path.stat().st_uid != os.getuid():
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)
        with effect("fs.rmtree", str(path)):
            _remove(path)
        log.info("staging of a dead run removed", path=str(path))
        removed += 1
    return removed


def _remove(path: Path) -> None:
    """A pg_dump that outlived its parent may still write for a moment; it dies of SIGPIPE."""
    for _ in range(20):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        time.sleep(0.1)
    log.warning("staging could not be removed", path=str(path))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # uploaded and removed meanwhile


class Governor(threading.Thread):
    """Pauses pg_dump while staging holds more than ``limit`` bytes and files leave it.

    ``leaving`` says whether a finished file is still to be uploaded: one that pg_dump has not
    finished never leaves, however long pg_dump is stopped.
    """

    def __init__(
        self,
        staging: Staging,
        limit: int,
        leaving: Callable[[], bool],
        pause: Callable[[], None],
        resume: Callable[[], None],
    ) -> None:
        super().__init__(name="staging-governor", daemon=True)
        self._staging, self._limit, self._leaving = staging, limit, leaving
        self._pause, self._resume = pause, resume
        self._over = threading.Event()
        self.pauses = 0

    @override
    def run(self) -> None:
        paused = False
        while not self._over.wait(0.05):
            size = self._staging.measure()
            leaving = self._leaving()
            if not paused and size > self._limit and leaving:
                self._pause()
                self.pauses += 1
                paused = True
            elif paused and (size <= self._limit // 2 or not leaving):
                self._resume()
                paused = False
        if paused:
            self._resume()

    def stop(self) -> None:
        self._over.set()
        self.join()


def require_space(path: str, needed: int, what: str) -> None:
    """Fails early instead of filling a disk; ``needed`` in bytes."""
    with disk_errors(Path(path)):
        free = shutil.disk_usage(path).free
    if free < needed:
        raise NoSpace(
            f"{path}: {free // 2**20} MiB free, {what} needs about {needed // 2**20} MiB; free "
            "some or set SIMS_BACKUP_STAGING_DIR to a larger place"
        )
