"""Directories for Unix sockets: private, and short enough for the kernel."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import sys
from pathlib import Path

from sims_cli.errors import Unsupported
from sims_cli.stack.accounts import Account, private_directory

LONGEST = 103 if sys.platform == "darwin" else 107
"""Bytes in ``sun_path`` without its terminating zero."""


def directory(wanted: Path, socket_name: str, account: Account | None = None) -> Path:
    """``wanted`` (mode 0700), or a short stand-in when the socket's path would be too long.

    Raises ``Unsupported`` when the stand-in belongs to somebody else.
    """
    if len(os.fsencode(wanted / socket_name)) <= LONGEST:
        private_directory(wanted, account)
        return wanted
    short = _short(wanted, account)
    try:
        short.mkdir(mode=0o700)
    except FileExistsError:
        found = short.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in _ours(account):
            raise Unsupported(
                f"{short} belongs to somebody else. Set SIMS_HOME to a directory with a shorter"
                " path, so that no stand-in is needed."
            ) from None
    private_directory(short, account)
    return short


def answers(path: Path) -> bool:
    """Whether a process listens on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _short(wanted: Path, account: Account | None) -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime and account is None and Path(runtime).is_dir() else Path("/tmp")  # noqa: S108 (owner checked, mode 0700)
    return base / f"sims-{hashlib.sha256(os.fsencode(wanted.resolve())).hexdigest()[:12]}"


def _ours(account: Account | None) -> tuple[int, ...]:
    return (os.geteuid(),) if account is None else (os.geteuid(), account.uid)
