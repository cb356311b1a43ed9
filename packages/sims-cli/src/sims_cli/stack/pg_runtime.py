"""Binaries where the server's account can reach them.

As root the server runs as another account, which cannot enter a checkout under /root
(mode 0700). PostgreSQL is relocatable, so its files are copied to ``/var/lib/sims`` once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from sims_cli.errors import Unsupported
from sims_cli.stack.accounts import Account, can_reach
from sims_cli.stack.pg_binaries import Binaries

SHARED = Path("/var/lib/sims")


def reachable(binaries: Binaries, account: Account | None) -> Binaries:
    """``binaries`` themselves, or a copy that ``account`` can execute."""
    if account is None or can_reach(account, binaries.directory / "postgres"):
        return binaries
    return replace(binaries, directory=_copy(binaries.directory.parent, binaries.version) / "bin")


def private_home(state: Path) -> Path:
    """Where the data of a state directory goes that the server's account cannot enter."""
    return SHARED / hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:12]


def _copy(source: Path, version: str) -> Path:
    # The name tells one build from another: same version, other wheel, other copy.
    size = (source / "bin" / "postgres").stat().st_size
    target = SHARED / "runtime" / f"postgresql-{version}-{size:x}"
    if (target / "bin" / "postgres").is_file():
        return target
    try:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        SHARED.chmod(0o755)
        draft = Path(tempfile.mkdtemp(dir=target.parent))
        shutil.copytree(source, draft, symlinks=True, dirs_exist_ok=True)
        draft.chmod(0o755)
        _publish(draft, target)
    except OSError as error:
        raise Unsupported(
            f"PostgreSQL cannot run as root, and its files could not be copied to {target} where"
            f" another account reaches them: {error.strerror}. Move the checkout out of a private"
            " directory such as /root, start SIMS as an ordinary user, or set SIMS_DATABASE_URL."
        ) from error
    return target


def _publish(draft: Path, target: Path) -> None:
    """Renames the finished copy into place; another process may have been faster."""
    try:
        os.rename(draft, target)  # noqa: PTH104 (Path.rename hides which of two errors it was)
    except OSError:
        if not (target / "bin" / "postgres").is_file():
            raise
        shutil.rmtree(draft)
