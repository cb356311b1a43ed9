"""What mailed transcripts cost: a real worker, PostgreSQL, Valkey and relay, signed files.

python -m bench.mailed [--requests 1000] [--students 200]

CPU is what counts on a machine that does other work too: signed and mailed PDFs a second and
core are requests over CPU seconds of the worker process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from rich.console import Console
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from bench import server
from sims_cli.seed import run
from sims_cli.stack.valkey import ValkeyConfig, ValkeyServer
from sims_common.clock import now
from sims_core.jobs import BatchGenerateTranscripts
from sims_core.models import TranscriptRequest
from sims_core.outbox import new_job
from sims_transcripts import signing

CHUNK = 25
_OPEN = text(
    "SELECT count(*) FROM transcript_request WHERE state IN ('recorded', 'rendering', 'sending')"
)
_WAITS = text(
    "SELECT extract(epoch FROM sent_at - created_at)::float FROM transcript_request"
    " WHERE state = 'sent' ORDER BY 1"
)


def ask(engine: Engine, count: int) -> None:
    """Requests in jobs of ``CHUNK``, over the students in turn."""
    with Session(engine) as session, session.begin():
        students = session.execute(text("SELECT id FROM student ORDER BY id")).scalars().all()
        user = session.execute(text("SELECT min(id) FROM user_account")).scalar_one()
        for start in range(0, count, CHUNK):
            ids = [uuid.uuid4() for _ in range(min(CHUNK, count - start))]
            job = new_job(BatchGenerateTranscripts(request_ids=ids), request_id="bench-0001")
            session.add(job)
            session.flush()
            session.add_all(
                TranscriptRequest(
                    id=id_,
                    student_id=students[(start + n) % len(students)],
                    requested_by_id=user,
                    job_id=job.id,
                    email=f"s{start + n}@college.example",
                )
                for n, id_ in enumerate(ids)
            )


@contextmanager
def program(command: list[str], environment: dict[str, str]) -> Iterator[psutil.Process]:
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _listening(port: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def watch(engine: Engine, worker: psutil.Process, count: int) -> list[tuple[int, int]]:
    """(done, resident bytes) until all have ended."""
    seen: list[tuple[int, int]] = []
    while True:
        with engine.connect() as connection:
            left = int(connection.execute(_OPEN).scalar_one())
        seen.append((count - left, worker.memory_info().rss))
        if not left:
            return seen
        time.sleep(1)


def report(engine: Engine, seen: list[tuple[int, int]], cpu: float, wall: float) -> None:
    with engine.connect() as connection:
        waits = [float(w) for w in connection.execute(_WAITS).scalars()]
    count = len(waits)
    out = Console()
    out.print(f"{count} signed transcripts mailed in {wall:.0f} s by one worker")
    out.print(
        f"{cpu / count * 1000:.1f} ms CPU of the worker each: {count / cpu:.1f} a second and core"
    )
    mib = [(done, rss / 2**20) for done, rss in seen if done]
    tenth = next(rss for done, rss in mib if done >= count / 10)
    out.print(
        f"memory of the worker: {tenth:.0f} MiB after a tenth, {mib[-1][1]:.0f} MiB at the end,"
        f" at most {max(rss for _, rss in mib):.0f} MiB"
    )
    out.print(
        f"request to mail, all asked for at once: first {waits[0]:.2f} s,"
        f" median {statistics.median(waits):.0f} s, last {waits[-1]:.0f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--students", type=int, default=200)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="sims-bench-"))
    home.chmod(0o711)
    try:
        with server.postgres() as database, ValkeyServer(ValkeyConfig(home / "valkey")) as queue:
            url = server.new_database(database, "mailed")
            engine = server.engine_of(url)
            run.seed(engine, students=options.students, seed=1, passwords=home / "passwords")
            measure(engine, url, queue.url(), home, options.requests)
            engine.dispose()
    finally:
        shutil.rmtree(home)


def measure(engine: Engine, url: str, redis_url: str, home: Path, count: int) -> None:
    key, certificate = signing.self_signed("Bench College", now=now())
    smtp, page, side = (str(server.free_port()) for _ in range(3))
    mail = {
        "SIMS_MAIL_DIR": str(home / "mail"), "SIMS_SMTP_PORT": smtp, "SIMS_MAIL_PAGE_PORT": page,
    }  # fmt: skip
    worker = {
        "SIMS_DATABASE_URL": url,
        "SIMS_REDIS_URL": redis_url,
        "SIMS_SMTP_HOST": "127.0.0.1",
        "SIMS_SMTP_PORT": smtp,
        "SIMS_SIGNING_KEY": key,
        "SIMS_SIGNING_CERTIFICATE": certificate,
        "SIMS_WORKER_SIDE_HOST": "127.0.0.1",
        "SIMS_WORKER_SIDE_PORT": side,
    }
    script = str(Path(sys.executable).with_name("sims-worker"))
    with (
        program([sys.executable, "-m", "sims_cli.mail_catcher"], mail),
        program([script], worker) as process,
    ):
        for port in (smtp, side):  # a relay that is not there yet would be waited for
            _listening(int(port))
        before = process.cpu_times()
        ask(engine, count)
        began = time.monotonic()
        seen = watch(engine, process, count)
        wall = time.monotonic() - began
        after = process.cpu_times()
        cpu = after.user + after.system - before.user - before.system
        report(engine, seen, cpu, wall)


if __name__ == "__main__":
    main()
