"""The backup engine with the settings of the local installation."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from sims_cli.errors import Unsupported
from sims_cli.state import WORKSPACE, State

URL_FILE = "backup-url"
"""Secret file with the superuser's URL: a restore makes, swaps and drops databases."""


def program(name: str = "sims-backup") -> str:
    """Path of the engine's command. Raises ``Unsupported`` when it is not installed."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.is_file():
        raise Unsupported(
            f"{path} is missing: this installation is without the backup engine. In a checkout of"
            " SIMS run `make setup`; in a cluster the backup operator takes the backups."
        )
    return str(path)


def environment(state: State, environ: Mapping[str, str]) -> dict[str, str]:
    """What the engine is told; a variable that is set already wins.

    ``BACKUP_DIR`` and ``RETENTION_DAYS`` are the runbook's names.
    """
    ours = {
        "SIMS_BACKUP_TARGETS": environ.get("BACKUP_DIR") or str(_default_target(state)),
        "SIMS_RETENTION_DAYS": environ.get("RETENTION_DAYS", "7"),
        "SIMS_BACKUP_CHECKS": str(files("sims_cli") / "backup_checks.toml"),
        "SIMS_RESTORE_MIGRATE_COMMAND": f"{program('sims')} migrate",
    }
    media = environ.get("SIMS_MEDIA_DIR") or str(state.media)
    if Path(media).is_dir():  # made by the first upload
        ours["SIMS_BACKUP_MEDIA_DIR"] = media
    found = {**ours, **environ}
    local = state.secrets / URL_FILE
    if "SIMS_DATABASE_URL" not in environ and local.is_file():
        found["SIMS_DATABASE_URL_FILE"] = str(local)
    return found


def _default_target(state: State) -> Path:
    """``backups/db`` of the checkout that the state is in, else beside the state."""
    project = state.root.parent / "pyproject.toml"
    inside = project.is_file() and WORKSPACE in project.read_text(encoding="utf-8")
    return (state.root.parent if inside else state.root) / "backups" / "db"


def run(state: State, arguments: list[str]) -> None:
    """Becomes ``sims-backup``: its exit codes, progress and prompts are the user's."""
    os.execve(program(), [program(), *arguments], environment(state, os.environ))  # noqa: S606
