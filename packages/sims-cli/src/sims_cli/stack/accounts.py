"""Which account a server runs as. PostgreSQL refuses root; an ordinary user needs no other."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sims_cli.errors import Unsupported

PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int


def named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid)


def for_servers(data_dir: Path) -> Account | None:
    """None when the caller is not root; otherwise whom to run as.

    Existing data keeps its owner. Raises ``Unsupported`` when there is no such account.
    """
    if os.geteuid() != 0:
        return None
    if data_dir.is_dir() and (owner := data_dir.stat()).st_uid != 0:
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid)
    found = next(filter(None, map(named, PREFERRED)), None)
    if found is None:
        raise Unsupported(
            "PostgreSQL does not run as root and there is neither a postgres nor a nobody"
            " account. Run `useradd --system postgres`, or start SIMS as an ordinary user."
        )
    return found


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def can_reach(account: Account, path: Path) -> bool:
    """Whether ``account`` may enter the directory ``path`` or execute the file ``path``."""
    return _as(account, "-x", path)


def _as(account: Account, test: str, path: Path) -> bool:
    done = subprocess.run(  # noqa: S603 (fixed program, the path is an argument of its own)
        ["/bin/sh", "-c", 'test "$1" "$2"', "sh", test, str(path)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return done.returncode == 0


def private_directory(path: Path, account: Account | None = None) -> None:
    """Makes ``path`` (and what leads to it) with mode 0700, owned by ``account``.

    Raises ``Unsupported`` when the place cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        if account is not None:
            os.chown(path, account.uid, account.gid)
        path.chmod(0o700)
    except OSError as error:
        raise Unsupported(
            f"Cannot write {path}: {error.strerror}."
            " Set SIMS_HOME to a directory that you may write."
        ) from error
