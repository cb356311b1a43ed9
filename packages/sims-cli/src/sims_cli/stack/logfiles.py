"""What the child processes print: into files that rotate, the important lines to a callback."""

from __future__ import annotations

import json
import os
import selectors
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

LARGEST = 5 * 1024 * 1024  # bytes in one file
KEPT = 3
LOUD = ("warning", "error", "critical")
SHOWN = ("mail stored",)
SERVER_WORDS = ("WARNING:", "ERROR:", "FATAL:", "PANIC:", "# Fatal", "# Error", "# Can't", "# Bad")


class RotatingFile:
    """``name.log``, before it ``name.log.1`` and so on. Lines are never split over two."""

    def __init__(self, path: Path, *, largest: int = LARGEST, kept: int = KEPT) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._largest = largest
        self._kept = kept
        self._file: BinaryIO = path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        if self._file.tell() + len(line) > self._largest:
            self._rotate()
        self._file.write(line)

    def close(self) -> None:
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._kept - 1, 0, -1):
            older = Path(f"{self.path}.{number}")
            if older.exists():
                older.replace(f"{self.path}.{number + 1}")
        self.path.replace(f"{self.path}.1")
        self._file = self.path.open("ab", buffering=0)


@dataclass
class _Source:
    name: str
    file: RotatingFile
    rest: bytes = b""


class LogPump:
    """Copies pipes to files in a thread, so that no child ever waits for its reader."""

    def __init__(self, folder: Path, show: Callable[[str, str], None], *, verbose: bool) -> None:
        """``show(name, line)`` gets the important lines, or every line if ``verbose``."""
        self._folder = folder
        self._show = show
        self._verbose = verbose
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._files: dict[str, RotatingFile] = {}
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
        self._stopping = False
        self._thread.start()

    def path(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def pipe(self, name: str) -> int:
        """The writing end for a new child called ``name``; close it after the child started."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        file = self._files.get(name) or RotatingFile(self.path(name))
        self._files[name] = file
        self._selector.register(read, selectors.EVENT_READ, _Source(name, file))
        self._wake()
        return write

    def close(self) -> None:
        """Copies what is still in the pipes, then ends."""
        self._stopping = True
        self._wake()
        self._thread.join(timeout=5)
        for key in list(self._selector.get_map().values()):
            os.close(key.fd)
        self._selector.close()
        os.close(self._wake_write)
        for file in self._files.values():
            file.close()

    def _wake(self) -> None:
        os.write(self._wake_write, b".")

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                self._read(key)
        for key in list(self._selector.get_map().values()):
            while key.fd != self._wake_read and self._read(key):
                pass

    def _read(self, key: selectors.SelectorKey) -> bool:
        """Takes what one pipe holds; False when it is empty or at its end."""
        try:
            data = os.read(key.fd, 65536)
        except BlockingIOError:
            return False
        if key.fd == self._wake_read:
            return False
        source: _Source = key.data
        if not data:
            self._selector.unregister(key.fd)
            os.close(key.fd)
            data = b"\n" if source.rest else b""
        *lines, source.rest = (source.rest + data).split(b"\n")
        for line in lines:
            self._take(source, line)
        return bool(data)

    def _take(self, source: _Source, line: bytes) -> None:
        try:
            source.file.write(line + b"\n")
        except OSError as error:  # a full disk must not stop the child that writes
            self._show(source.name, f"{source.file.path}: {error.strerror}; line not kept")
        text = line.decode("utf-8", errors="replace")
        if text.strip() and (self._verbose or important(text)):
            self._show(source.name, short(text))


def important(line: str) -> bool:
    """A warning or worse, or an event that one wants to see while trying SIMS out."""
    event = _event(line)
    if event is None:
        return any(word in line for word in SERVER_WORDS) or line.startswith("Traceback")
    return event.get("level") in LOUD or event.get("event") in SHOWN


def short(line: str) -> str:
    """One line for a terminal: the event and its values, without time, logger and service."""
    event = _event(line)
    if event is None:
        return line[:300]
    hidden = ("event", "level", "timestamp", "logger", "service", "exception")
    values = " ".join(f"{k}={v}" for k, v in event.items() if k not in hidden and v is not None)
    reason = str(event.get("exception") or "").strip().splitlines()
    return " ".join(filter(None, [str(event.get("event")), values, *reason[-1:]]))[:300]


def _event(line: str) -> dict[str, object] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
