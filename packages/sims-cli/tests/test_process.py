"""Child processes: they stop, they do not outlive their parent, nothing of theirs is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sims_cli.errors import StartFailed
from sims_cli.stack.process import Child, Command, spawn, stop_together, wait_until
from sims_cli.testing import eventually

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {}; time.sleep(600)"
ENV = {"PATH": os.environ["PATH"]}


def python(code: str, **options: object) -> Command:
    quick = ((signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0))
    stop = options.get("stop", quick)
    assert isinstance(stop, tuple)
    return Command(name="child", argv=[sys.executable, "-c", code], env=ENV, stop=stop)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def start(code: str, log: Path) -> Child:
    """Started, and past its own set-up: it has printed a line."""
    with log.open("wb") as output:
        child = spawn(python(code), output=output)
    eventually(lambda: log.stat().st_size)
    return child


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child = start(STUBBORN.format("print(1, flush=True)"), tmp_path / "log")
    assert child.stop() == -signal.SIGKILL


def test_children_are_stopped_side_by_side_and_hurried(tmp_path: Path) -> None:
    slow = ((signal.SIGTERM, 3600.0), (signal.SIGKILL, 5.0))
    code = STUBBORN.format("print(1, flush=True)")
    logs = [tmp_path / str(number) for number in range(3)]
    children = []
    for log in logs:
        with log.open("wb") as output:
            children.append(spawn(python(code, stop=slow), output=output))
    eventually(lambda: all(log.stat().st_size for log in logs))
    assert stop_together(children, hurry=lambda: True) == []
    assert {child.exit_code() for child in children} == {-signal.SIGKILL}


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    grandchild = tmp_path / "pid"
    code = (
        "import os, subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " process_group=0);"  # as a worker's work horse: out of reach of a group signal
        f"open({str(grandchild)!r}, 'w').write(str(p.pid)); print(1, flush=True); time.sleep(600)"
    )
    child = start(code, tmp_path / "log")
    eventually(lambda: grandchild.exists() and grandchild.read_text())
    child.stop()
    eventually(lambda: gone(int(grandchild.read_text())))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    parent = (
        "import sys, time;"
        "from sims_cli.stack.process import Command, spawn;"
        "c = spawn(Command('c', [sys.executable, '-c', 'import time; time.sleep(600)'], {}),"
        " output=-3);"
        f"open({str(pid_file)!r}, 'w').write(str(c.pid)); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    eventually(lambda: pid_file.exists() and pid_file.read_text())
    assert not gone(int(pid_file.read_text()))
    process.kill()
    process.wait()
    eventually(lambda: gone(int(pid_file.read_text())))


def test_ctrl_c_does_not_reach_the_children(tmp_path: Path) -> None:
    child = start("import time; print(1, flush=True); time.sleep(600)", tmp_path / "log")
    assert os.getsid(child.pid) == child.pid
    child.stop()


def test_a_missing_program_is_named() -> None:
    command = Command(name="api", argv=["/nowhere/sims-api"], env={})
    with pytest.raises(StartFailed, match=r"api: cannot run /nowhere/sims-api: No such file"):
        spawn(command, output=subprocess.DEVNULL)


def test_a_child_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        child = spawn(python("print('no key'); raise SystemExit(78)"), output=output)
    with pytest.raises(StartFailed, match=r"(?s)ended with 78.*no key"):
        wait_until(lambda: False, child, seconds=20, explain=log.read_text)
    with pytest.raises(StartFailed):
        wait_until(lambda: False, child, seconds=20, explain=str)
