"""The guard in front of PostgreSQL: data of another major version are not touched."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .render import CHART

GUARD = CHART / "files" / "postgresql" / "guard.sh"


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (None, 0, "No data yet"),
        ("17", 0, "of PostgreSQL 17"),
        ("16", 1, 'Set postgresql.embedded.image.tag back to "16"'),
    ],
)
def test_it_looks_at_the_data_first(tmp_path: Path, data: str | None, code: int, says: str) -> None:
    server = tmp_path / "bin" / "postgres"
    server.parent.mkdir()
    server.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.6 (Debian 17.6-1.pgdg13+1)'\n")
    server.chmod(0o755)
    if data is not None:
        (tmp_path / "PG_VERSION").write_text(f"{data}\n")
    environment = {**os.environ, "PATH": f"{server.parent}:/usr/bin:/bin", "PGDATA": str(tmp_path)}
    done = subprocess.run(
        ["sh", GUARD], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert says in done.stdout
