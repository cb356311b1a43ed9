"""A college with students who ask for transcripts, a relay, and the worker itself."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sysconfig
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from sims_cli.mail_catcher.faults import Faults
from sims_cli.mail_catcher.smtp import Relay as CatchingRelay
from sims_cli.mail_catcher.smtp import RelayProtocol
from sims_cli.mail_catcher.store import MailStore
from sims_common.clock import now
from sims_common.settings import DatabaseSettings
from sims_core import outbox
from sims_core.jobs import BatchGenerateTranscripts, GenerateAndEmailTranscript
from sims_core.models import (
    AcademicPeriod,
    Course,
    Department,
    Exam,
    Program,
    Result,
    Student,
    TranscriptRequest,
    User,
)
from sims_transcripts import signing
from sims_worker.settings import WorkerSettings

Ask = Callable[..., list[uuid.UUID]]
_numbers = itertools.count(1)


@pytest.fixture
def mail_store(tmp_path: Path) -> MailStore:
    """What the relay has taken: one entry a mail, with how often it was delivered."""
    return MailStore(tmp_path / "mail")


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def smtp_port(mail_store: MailStore, faults: Faults) -> Iterator[int]:
    """A relay in a thread of the test."""
    loop = asyncio.new_event_loop()
    relay = CatchingRelay(mail_store, faults)
    protocols: list[RelayProtocol] = []

    def connected() -> RelayProtocol:
        protocols.append(RelayProtocol(relay, loop))
        return protocols[-1]

    server = loop.run_until_complete(loop.create_server(connected, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, name="relay", daemon=True)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    asyncio.run_coroutine_threadsafe(_close(server, protocols), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def _close(server: asyncio.Server, protocols: list[RelayProtocol]) -> None:
    """Ends the server and what is left of its conversations (a killed worker's, a hanging one)."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for protocol in protocols:
        if protocol.transport is not None:
            protocol.transport.close()
    await asyncio.sleep(0.05)  # the loop closes their sockets in its next turns


@pytest.fixture(scope="session")
def signing_pair() -> tuple[str, str]:
    """A key and a certificate as a demo installation has them."""
    return signing.self_signed("College of Testing", now=now())


@pytest.fixture
def settings(
    database: DatabaseSettings, redis_url: str, smtp_port: int, signing_pair: tuple[str, str]
) -> WorkerSettings:
    key, certificate = signing_pair
    return WorkerSettings(
        signing_key=SecretStr(key),
        signing_certificate=certificate,
        public_url="https://sims.college.example",
        database_url=database.database_url,
        redis_url=SecretStr(redis_url),
        smtp_port=smtp_port,
        smtp_host="127.0.0.1",
        smtp_timeout=5,
        mail_from="College <registry@college.example>",
        institution_name="College of Testing",
        worker_side_host="127.0.0.1",
        worker_side_port=0,
        worker_retry_base=0.2,
    )


@pytest.fixture
def ask(engine: Engine) -> Ask:
    """``ask(3)``: a batch job for three new students; ``ask(1, single=True)``: a single job.

    Returns the ids of the requests.
    """
    with Session(engine) as session, session.begin():
        exam_id, program_id, user_id = _college(session)

    def make(count: int = 1, *, single: bool = False, email: str | None = None) -> list[uuid.UUID]:
        ids = [uuid.uuid4() for _ in range(count)]
        job = outbox.new_job(
            GenerateAndEmailTranscript(request_id=ids[0])
            if single
            else BatchGenerateTranscripts(request_ids=ids),
            request_id="api-request-1",
        )
        with Session(engine) as session, session.begin():
            session.add(job)
            session.flush()
            for id_ in ids:
                number = next(_numbers)
                student_id = _student(session, number, program_id, exam_id)
                session.add(
                    TranscriptRequest(
                        id=id_,
                        student_id=student_id,
                        requested_by_id=user_id,
                        job_id=job.id,
                        email=email or f"student{number}@college.example",
                    )
                )
        return ids

    return make


def _college(session: Session) -> tuple[int, int, int]:
    program = Program(name="BSc Testing")
    department = Department(name="Tests", code="T")
    period = AcademicPeriod(
        name="Fall 2025", start_date=date(2025, 9, 1), end_date=date(2026, 1, 31)
    )
    user = User(username="registrar", email="registrar@college.example", password_hash="-")
    session.add_all([program, department, period, user])
    session.flush()
    course = Course(code="T-1", name="Testing", department_id=department.id, credits=3)
    session.add(course)
    session.flush()
    exam = Exam(course_id=course.id, academic_period_id=period.id, title="Final")
    session.add(exam)
    session.flush()
    return exam.id, program.id, user.id


def _student(session: Session, number: int, program_id: int, exam_id: int) -> int:
    student_id = session.execute(
        insert(Student)
        .values(
            reg_no=f"R-{number:05d}",
            name=f"Zoë Student {number}",
            program_id=program_id,
            enrollment_year=2025,
        )
        .returning(Student.id)
    ).scalar_one()
    session.add(
        Result(
            exam_id=exam_id,
            student_id=student_id,
            total_obtained=Decimal(50 + number % 50),
            total_max=Decimal(100),
            status="PUBLISHED",
        )
    )
    return student_id


@pytest.fixture
def states(engine: Engine) -> Callable[[list[uuid.UUID]], list[str]]:
    """The state of each request, in the order given."""

    def read(ids: list[uuid.UUID]) -> list[str]:
        with Session(engine) as session:
            rows = session.execute(
                select(TranscriptRequest.id, TranscriptRequest.state).where(
                    TranscriptRequest.id.in_(ids)
                )
            )
            found = {row.id: row.state for row in rows}
        return [found[id_] for id_ in ids]

    return read


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Waits until a condition holds; fails with its description after ``seconds``."""

    def wait(condition: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"not within {seconds} s: {what}")
            time.sleep(0.05)

    return wait


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start_worker(
    settings: WorkerSettings, tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts ``sims-worker`` as a process; its log is ``worker.log``. Ends those still running."""
    started: list[subprocess.Popen[bytes]] = []

    def start(**changes: object) -> subprocess.Popen[bytes]:
        log = (tmp_path / "worker.log").open("ab")
        process = subprocess.Popen(
            [Path(sysconfig.get_path("scripts")) / "sims-worker"],
            env=_environment(settings.model_copy(update=changes)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(10)


def _environment(settings: WorkerSettings) -> dict[str, str]:
    values = settings.model_dump()
    plain = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
    }
    ours = {f"SIMS_{name.upper()}": value for name, value in plain.items()}
    return {**os.environ, **ours, "SIMS_LOG_FORMAT": "json"}
