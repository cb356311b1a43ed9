"""The whole of SIMS as a user starts it: ``sims up`` in a new state directory."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

START_TIMEOUT = 180.0  # seconds: a bound, not a measurement


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def eventually(what: str, check: Callable[[], bool], timeout: float = 120.0) -> None:
    """Waits until ``check`` holds; fails with ``what`` otherwise."""
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline, f"not within {timeout:.0f} s: {what}"
        time.sleep(0.2)


@dataclass
class Installation:
    """One ``sims up`` with its own state directory and ports."""

    home: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes] | None = None
    output: Path = field(init=False)

    def __post_init__(self) -> None:
        self.output = self.home.parent / "up.log"

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SIMS_")}
        ports = {name: str(port) for name, port in self.ports.items()}
        return {**kept, **ports, "SIMS_HOME": str(self.home), "NO_COLOR": "1"}

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.ports['SIMS_API_PORT']}"

    @property
    def mails(self) -> str:
        return f"http://127.0.0.1:{self.ports['SIMS_MAIL_PAGE_PORT']}"

    def sims(self, *arguments: str) -> list[str]:
        return [str(Path(sysconfig.get_path("scripts")) / "sims"), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another ``sims`` command of this installation."""
        return subprocess.run(
            self.sims(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def up(self) -> None:
        """Starts it and waits until it says where it can be reached."""
        with self.output.open("wb") as log:
            self.process = subprocess.Popen(
                self.sims("up", "--students", "20"),
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually("sims up is ready", self._said_so, START_TIMEOUT)

    def _said_so(self) -> bool:
        said = self.output.read_text()
        assert self.process is not None
        assert self.process.poll() is None, said
        return "Stop: Ctrl-C" in said

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)

    def pid(self, name: str) -> int:
        """Of the process that runs now under this name."""
        processes = json.loads((self.home / "processes.json").read_text())
        return int(next(p["pid"] for p in processes if p["name"] == name))

    def pids(self) -> list[int]:
        return [p["pid"] for p in json.loads((self.home / "processes.json").read_text())]

    def sign_in(self, user: str) -> httpx.Client:
        """A client with that demo user's token."""
        passwords = json.loads((self.home / "secrets" / "demo-passwords.json").read_text())
        body = {"identifier": user.upper(), "password": passwords[user]}
        answer = httpx.post(f"{self.api}/api/auth/login/", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['tokens']['access']}"}
        return httpx.Client(base_url=self.api, headers=headers, timeout=60)

    def messages(self) -> list[dict[str, Any]]:
        """The mails that the catcher holds."""
        found: list[dict[str, Any]] = httpx.get(f"{self.mails}/api/messages").json()["messages"]
        return found


_PORTS = (
    "SIMS_API_PORT",
    "SIMS_API_SIDE_PORT",
    "SIMS_WORKER_SIDE_PORT",
    "SIMS_SMTP_PORT",
    "SIMS_MAIL_PAGE_PORT",
)


@pytest.fixture
def installation() -> Iterator[Installation]:
    """A directory and ports; the test starts it. Whatever it left behind is ended."""
    with tempfile.TemporaryDirectory(prefix="sims-up-") as directory:
        Path(directory).chmod(0o711)
        ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        found = Installation(Path(directory) / "home", ports)
        try:
            yield found
        finally:
            found.run("down")
            if found.process is not None and found.process.poll() is None:
                found.process.kill()
                found.process.wait(30)


def alive(pids: list[int]) -> list[int]:
    """Those of them that still run."""
    return [
        pid
        for pid in pids
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]
