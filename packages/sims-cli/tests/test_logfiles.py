"""Log files of the children, and which of their lines reach the terminal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sims_cli.stack.logfiles import LogPump, RotatingFile, important, short
from sims_cli.testing import eventually


def test_files_rotate_by_size_and_lose_no_line(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "api.log", largest=100, kept=3)
    for number in range(30):
        file.write(f"line {number:02d}\n".encode())
    file.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["api.log", "api.log.1", "api.log.2"]
    parts = [(tmp_path / name).read_text() for name in ("api.log.2", "api.log.1", "api.log")]
    assert all(len(part) <= 100 for part in parts)
    assert "".join(parts).splitlines() == [f"line {n:02d}" for n in range(30)]


def test_only_so_many_old_files_are_kept(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "api.log", largest=10, kept=2)
    for number in range(9):
        file.write(f"line {number:03d}\n".encode())
    file.close()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_pump_copies_everything_and_shows_what_matters(tmp_path: Path) -> None:
    shown: list[tuple[str, str]] = []
    pump = LogPump(tmp_path, lambda who, line: shown.append((who, line)), verbose=False)
    pipe = pump.pipe("worker")
    quiet = json.dumps({"event": "job ended", "level": "info"})
    loud = json.dumps({"event": "relay refused", "level": "warning", "code": 550})
    for _ in range(2000):  # more than a pipe holds
        os.write(pipe, f"{quiet}\n".encode())
    os.write(pipe, f"{loud}\nlast words".encode())
    os.close(pipe)
    eventually(lambda: shown)
    pump.close()
    lines = pump.path("worker").read_text().splitlines()
    assert len(lines) == 2002
    assert lines[-1] == "last words"
    assert shown == [("worker", "relay refused code=550")]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"event": "x", "level": "info"}', False),
        ('{"event": "x", "level": "error"}', True),
        ('{"event": "mail stored", "level": "info"}', True),
        ("2026-11-24 LOG:  checkpoint complete", False),
        ("2026-11-24 FATAL:  no space left", True),
        ("Traceback (most recent call last):", True),
        ("{not json", False),
    ],
)
def test_important_lines(line: str, shown: bool) -> None:
    assert important(line) is shown


def test_a_failure_is_shown_with_its_reason() -> None:
    event = {
        "event": "mail not sent",
        "level": "error",
        "service": "worker",
        "exception": "Traceback\n  File x\nTimeoutError: no answer",
    }
    assert short(json.dumps(event)) == "mail not sent TimeoutError: no answer"
