"""The demo users' passwords, generated for one installation and kept in its state."""

from __future__ import annotations

import json
from pathlib import Path

from sims_cli.stack import secret_files


def read(file: Path | None) -> dict[str, str]:
    """User name → password; empty when there are none."""
    if file is None or not file.is_file():
        return {}
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return found


def write(file: Path, passwords: dict[str, str]) -> None:
    secret_files.write(file, json.dumps(passwords, indent=2))
