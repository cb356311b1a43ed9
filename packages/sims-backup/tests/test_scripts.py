"""The runbook's script names, variables and relative names, with the real command."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"


def run(script: str, *arguments: str, values: dict[str, Any], **extra: str) -> tuple[int, str]:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SIMS_DATABASE_URL": values["database_url"],
        "SIMS_BACKUP_STAGING_DIR": values["backup_staging_dir"],
        "SIMS_LOG_LEVEL": "ERROR",
        **extra,
    }
    done = subprocess.run(
        [str(SCRIPTS / script), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_runbooks_scripts(values: dict[str, Any], school: Any, tmp_path: Path) -> None:
    folder = str(tmp_path / "backups" / "db")
    code, said = run("backup_db.sh", values=values, BACKUP_DIR=folder, RETENTION_DAYS="3")
    assert code == 0, said
    made = next(p.name for p in Path(folder).iterdir() if p.name.startswith("fmu_platform_"))
    school.add_student()
    code, said = run("restore_db.sh", made, values=values, BACKUP_DIR=folder)
    assert code == 5
    assert school.students() == 301
    code, said = run("restore_db.sh", made, values=values, BACKUP_DIR=folder, FORCE="1")
    assert code == 0, said
    assert "safety backup" in said
    assert school.students() == 300
    code, said = run("restore_db.sh", values=values)
    assert code == 2
    assert "usage" in said


@pytest.mark.parametrize("name", ["fmu_platform_20251218_020000.sql.gz", "-rf.sql.gz"])
def test_a_relative_file_name(
    values: dict[str, Any], school: Any, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"CREATE TABLE restored AS SELECT 1 AS x;\n"))
    code, said = run(
        "restore_db.sh",
        name,
        values=values,
        BACKUP_DIR=str(tmp_path),
        FORCE="1",
        SKIP_SAFETY_BACKUP="1",
    )
    assert code == 0, said
    assert school.server.rows(school.name, "SELECT x FROM restored") == [(1,)]


def test_an_empty_policy_deletes_nothing(values: dict[str, Any], tmp_path: Path) -> None:
    folder = str(tmp_path / "db")
    code, said = run("backup_db.sh", values=values, BACKUP_DIR=folder, RETENTION_DAYS="0")
    assert code == 5
    assert "would delete everything" in said
    assert [p for p in Path(folder).iterdir() if p.name.startswith("fmu_platform_")]
