"""Secrets of one installation: generated once, each in a file of mode 0600."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path


def random_text() -> str:
    return secrets.token_urlsafe(32)


def ensure(path: Path, make: Callable[[], str] = random_text) -> str:
    """The secret in ``path``, made now if there is none; of two makers the first wins."""
    if not path.exists():
        draft = _draft(path, make())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text(encoding="utf-8").rstrip("\n")


def write(path: Path, text: str) -> None:
    """Puts ``text`` into ``path`` whole or not at all, readable by its owner alone."""
    _draft(path, text).replace(path)


def _draft(path: Path, text: str) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
