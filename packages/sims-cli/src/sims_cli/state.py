"""The state directory of a local installation: what lies where, and its environment."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

WORKSPACE = 'name = "sims-workspace"'
"""The line of the root pyproject.toml that marks a checkout of SIMS."""

MARKER = "SIMS_UP_STATE"
"""In the environment of every process of ``sims up``; its value is the state directory."""


@dataclass(frozen=True)
class State:
    """Everything of one installation is under ``root`` (see ``pg_runtime`` for the exception)."""

    root: Path

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def media(self) -> Path:
        """Uploaded files; what the backup saves beside the database."""
        return self.root / "media"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def lock(self) -> Path:
        return self.root / "up.lock"

    @property
    def processes(self) -> Path:
        """Process ids and start times of what ``sims up`` started."""
        return self.root / "processes.json"

    @property
    def environment_file(self) -> Path:
        """``NAME=value`` lines as a shell reads them: the settings of the last ``sims up``,
        secrets by file name.
        """
        return self.root / "environment"

    @property
    def schema(self) -> Path:
        """Which migrations the embedded database has (see ``first_run.stamp``)."""
        return self.root / "schema"

    @property
    def demo_passwords(self) -> Path:
        return self.secrets / "demo-passwords.json"

    def environment(self) -> dict[str, str]:
        """What the last ``sims up`` gave its processes; empty when there was none."""
        try:
            lines = self.environment_file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return {}
        words = [word for line in lines for word in shlex.split(line)]
        return dict(word.split("=", 1) for word in words if "=" in word)


def find(environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> State:
    """``SIMS_HOME``, else ``.sims`` in the checkout around the working directory or around
    this program, else ``~/.local/state/sims``.
    """
    environ = os.environ if environ is None else environ
    if home := environ.get("SIMS_HOME"):
        return State(Path(home).expanduser().resolve())
    start = Path.cwd() if cwd is None else cwd
    for folder in (start, *start.parents, *Path(__file__).resolve().parents):
        if _is_checkout(folder):
            return State(folder.resolve() / ".sims")
    base = environ.get("XDG_STATE_HOME") or "~/.local/state"
    return State((Path(base).expanduser() / "sims").resolve())


def use_local_installation(state: State) -> bool:
    """Gives this process the settings of the local installation.

    Nothing happens, and False is returned, when ``SIMS_DATABASE_URL`` is set or there is no
    such installation. A variable that is set already wins.
    """
    if os.environ.get("SIMS_DATABASE_URL") or os.environ.get("SIMS_DATABASE_URL_FILE"):
        return False
    found = state.environment()
    for name, value in found.items():
        if name not in os.environ and f"{name.removesuffix('_FILE')}" not in os.environ:
            os.environ[name] = value
    return bool(found)


def _is_checkout(folder: Path) -> bool:
    try:
        return WORKSPACE in (folder / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return False
