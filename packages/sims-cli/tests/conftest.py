"""Running ``sims`` in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sims_cli import main
from sims_cli.testing import Ran, Sims
from sims_common.settings import DatabaseSettings


@pytest.fixture
def sims(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Sims:
    """``sims("check", "-o", "json")``; the state directory is an empty one."""
    monkeypatch.setenv("SIMS_HOME", str(tmp_path / "state"))

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["sims", *arguments])
        capsys.readouterr()
        code: int | str | None = 0
        try:
            main.main()
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        return Ran(code if isinstance(code, int) else 1, captured.out, captured.err)

    return run


@pytest.fixture
def configured(
    sims: Sims, database: DatabaseSettings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Sims:
    """``sims`` with a migrated database, Redis and a secret key in its environment."""
    monkeypatch.setenv("SIMS_DATABASE_URL", database.database_url.get_secret_value())
    monkeypatch.setenv("SIMS_REDIS_URL", redis_url)
    monkeypatch.setenv("SIMS_SECRET_KEY", "k" * 40)
    return sims
