"""The supervisor, with small real programs as its parts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from sims_cli.errors import StartFailed
from sims_cli.stack import leftovers
from sims_cli.stack.logfiles import LogPump
from sims_cli.stack.process import Command
from sims_cli.stack.supervisor import Supervisor
from sims_cli.state import MARKER, State
from sims_cli.testing import eventually

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"


class Part:
    """A program; ready once it has printed something."""

    start_timeout = 20.0

    def __init__(self, state: State, name: str, code: str = SLEEPER) -> None:
        self.log = state.logs / f"{name}.log"
        self.started = 0
        self.command = Command(
            name=name,
            argv=[sys.executable, "-c", code],
            env={MARKER: str(state.root)},
            stop=((signal.SIGTERM, 0.5), (signal.SIGKILL, 5.0)),
        )

    def prepare(self) -> Command:
        self.started += 1
        return self.command

    def ready(self) -> bool:
        return self.log.exists() and bool(self.log.stat().st_size)

    def after_start(self) -> None:
        pass


class Running:
    """A supervisor whose ``watch`` runs in this thread until ``until`` holds."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder)
        self.said: list[str] = []
        self.pump = LogPump(self.state.logs, lambda *_: None, verbose=False)
        self.supervisor = Supervisor(
            self.state, self.pump, lambda who, line: self.said.append(f"{who}: {line}")
        )

    def pid(self, name: str) -> int:
        rows = json.loads(self.state.processes.read_text())
        return next(int(row["pid"]) for row in rows if row["name"] == name)

    def watch(self, until: object) -> None:
        assert callable(until)

        def stop_then() -> None:
            try:
                eventually(until)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        with self.supervisor.signals():
            thread = threading.Thread(target=stop_then)
            thread.start()
            self.supervisor.watch()
            thread.join()

    def close(self) -> None:
        self.supervisor.stop()
        self.pump.close()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_part_is_started_again(tmp_path: Path) -> None:
    running = Running(tmp_path)
    part = Part(running.state, "worker")
    running.supervisor.start("worker", part, stage=1)
    running.supervisor.wait_ready("worker")
    first = running.pid("worker")
    os.kill(first, signal.SIGKILL)
    running.watch(lambda: "worker: started again" in running.said)
    second = running.pid("worker")
    assert second != first
    assert alive(second)
    assert any("ended (SIGKILL); starts again in 0.25 s" in line for line in running.said)
    running.close()
    assert not alive(second)
    assert json.loads(running.state.processes.read_text()) == []


def test_a_part_that_keeps_dying_is_started_ever_less_often(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.supervisor.start("api", Part(running.state, "api", "raise SystemExit(3)"), stage=1)
    running.watch(lambda: sum("exit code 3" in line for line in running.said) >= 3)
    running.close()
    delays = [line.split("again in ")[1].split(" s")[0] for line in running.said if "in " in line]
    assert delays[:3] == ["0.25", "0.5", "1"]


def test_parts_end_by_stage_even_one_that_hangs(tmp_path: Path) -> None:
    running = Running(tmp_path)
    order = tmp_path / "order"
    polite = (
        "import signal, sys, time\n"
        f"def end(*_): open({str(order)!r}, 'a').write('{{}}\\n'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(600)"
    )
    hung = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER
    for name, code, stage in (
        ("postgres", polite.format("postgres"), 0),
        ("api", polite.format("api"), 2),
        ("worker", hung, 2),
        ("mail", polite.format("mail"), 1),
    ):
        running.supervisor.start(name, Part(running.state, name, code), stage=stage)
        running.supervisor.wait_ready(name)
    hanging = running.pid("worker")
    running.close()
    assert order.read_text().split() == ["api", "mail", "postgres"]
    assert not alive(hanging)


def test_a_part_that_does_not_come_up_fails_the_start_with_its_log(tmp_path: Path) -> None:
    running = Running(tmp_path)
    code = "import sys; sys.stderr.write('SIMS_SECRET_KEY: Field required'); sys.exit(78)"
    part = Part(running.state, "api", code)
    part.ready = lambda: False  # type: ignore[method-assign] # its log is what it prints before it dies
    running.supervisor.start("api", part, stage=1)
    with pytest.raises(StartFailed, match="ended with 78"):
        running.supervisor.wait_ready("api")
    running.close()
    assert "SIMS_SECRET_KEY" in part.log.read_text()


DRIVER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_supervisor import Part, Running, SLEEPER
running = Running(Path(sys.argv[1]))
hung = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER
for name, code in (("polite", SLEEPER), ("hung", hung)):
    running.supervisor.start(name, Part(running.state, name, code), stage=1)
    running.supervisor.wait_ready(name)
print("started", flush=True)
time.sleep(600)
"""


def test_nothing_is_left_of_a_killed_supervisor_after_the_next_start(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(state.root), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
    ) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"started\n"
        rows = json.loads(state.processes.read_text())
        driver.kill()
    hung = next(int(row["pid"]) for row in rows if row["name"] == "hung")
    assert alive(hung)  # SIGTERM at its parent's death was not enough
    found = leftovers.find(state)
    assert hung in [process.pid for process in found]
    leftovers.stop(found, patience=0.5)
    assert not any(alive(row["pid"]) for row in rows)
    assert leftovers.find(state) == []


def test_a_process_that_only_has_the_same_id_is_left_alone(tmp_path: Path) -> None:
    state = State(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        state.processes.write_text(
            json.dumps([{"name": "api", "pid": stranger.pid, "created": 12345.0}])
        )
        assert leftovers.find(state) == []
