"""A storm: a thousand transcripts while workers, queue and relay keep failing.

What counts is the end: each request sent, each mail there once, each file the one that the
ledger says. ``SIMS_STORM_REQUESTS`` changes how many; ``SIMS_STORM_KILL_EVERY`` (seconds) suits a
slow machine.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import pytest
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from sims_cli.mail_catcher.faults import Fault, Faults
from sims_cli.mail_catcher.store import Envelope, MailStore, parse
from sims_cli.stack.valkey import ValkeyConfig, ValkeyServer
from sims_core.models import Student, TranscriptDocument, TranscriptRequest
from sims_transcripts import checking
from sims_worker.settings import WorkerSettings

REQUESTS = int(os.environ.get("SIMS_STORM_REQUESTS", "1000"))
CHUNK = 25
WORKERS = 3
KILL_EVERY = float(os.environ.get("SIMS_STORM_KILL_EVERY", "5"))  # seconds
LONGEST = 3000.0  # seconds: a bound, not a measurement

Ask = Callable[..., list[uuid.UUID]]
Start = Callable[..., "subprocess.Popen[bytes]"]

pytestmark = pytest.mark.long

TROUBLES = [
    Fault(stage="rcpt", action="reply", code=451, text="4.7.1 try later", times=2),
    Fault(stage="connect", action="reply", code=421, text="4.3.2 closing", times=1),
    Fault(stage="data", action="hang", seconds=4, times=1),
    Fault(stage="sent", action="hang", seconds=4, times=1),
    Fault(stage="sent", action="drop", times=1),
    Fault(stage="mail", action="drop", times=1),
]


@pytest.fixture
def queue(tmp_path_factory: pytest.TempPathFactory, server_home: Path) -> Iterator[ValkeyServer]:
    """A Valkey of the test's own, which may be restarted."""
    server = ValkeyServer(ValkeyConfig(server_home / f"storm-{uuid.uuid4().hex[:6]}"))
    with server:
        yield server


def restart(server: ValkeyServer) -> None:
    server.__exit__(None, None, None)
    server.__enter__()


def unfinished(engine: Engine) -> int:
    with Session(engine) as session:
        return (
            session.scalar(
                select(func.count())
                .select_from(TranscriptRequest)
                .where(TranscriptRequest.state.in_(("recorded", "rendering", "sending")))
            )
            or 0
        )


def is_ready(worker: subprocess.Popen[bytes], log: Path) -> bool:
    mark = f'.{worker.pid}"'
    return any("worker ready" in line and mark in line for line in log.read_text().splitlines())


def rage(
    engine: Engine,
    workers: list[subprocess.Popen[bytes]],
    start: Callable[[], subprocess.Popen[bytes]],
    faults: Faults,
    queue: ValkeyServer,
    log: Path,
) -> Counter[str]:
    """Kills, restarts, wipes and troubles until all requests have ended; what was done."""
    chance = random.Random(7)
    done: Counter[str] = Counter()
    deadline = time.monotonic() + LONGEST
    while unfinished(engine):
        assert time.monotonic() < deadline, f"{unfinished(engine)} requests have not ended"
        time.sleep(KILL_EVERY)
        ready = [n for n, worker in enumerate(workers) if is_ready(worker, log)]
        if not ready:
            continue  # a slow machine: one that only starts would never get to work
        victim = chance.choice(ready)
        workers[victim].send_signal(signal.SIGKILL)
        workers[victim].wait(10)
        workers[victim] = start()
        done["kills"] += 1
        faults.set([chance.choice(TROUBLES).model_copy()])
        if done["kills"] in (3, 9):
            restart(queue)
            done["restarts"] += 1
        if done["kills"] == 6:
            with Redis.from_url(queue.url()) as client:
                client.flushall()
            done["wipes"] += 1
    faults.set([])
    return done


def attachment(content: bytes) -> bytes:
    message = parse(content)
    (found,) = message.iter_attachments()
    assert isinstance(found, EmailMessage)
    file = found.get_content()
    assert isinstance(file, bytes)
    return file


def test_a_thousand_arrive_once_each_whatever_fails(
    ask: Ask,
    start_worker: Start,
    settings: WorkerSettings,
    engine: Engine,
    mail_store: MailStore,
    faults: Faults,
    queue: ValkeyServer,
    tmp_path: Path,
) -> None:
    ids = [id_ for _ in range(0, REQUESTS, CHUNK) for id_ in ask(min(CHUNK, REQUESTS))]

    def start() -> subprocess.Popen[bytes]:
        return start_worker(
            redis_url=SecretStr(queue.url()), smtp_timeout=2, smtp_deduplicates=True
        )

    workers = [start() for _ in range(WORKERS)]
    began = time.monotonic()
    done = rage(engine, workers, start, faults, queue, tmp_path / "worker.log")
    seconds = time.monotonic() - began

    with Session(engine) as session:
        rows = session.execute(
            select(TranscriptRequest, TranscriptDocument, Student)
            .join(Student, TranscriptRequest.student_id == Student.id)
            .outerjoin(TranscriptDocument, TranscriptDocument.request_id == TranscriptRequest.id)
        ).all()
    mails = {mail.message_id: mail for mail in mail_store.mails()}
    resent = sum(mail.deliveries - 1 for mail in mails.values())
    print(f"{len(ids)} requests in {seconds:.0f} s: {dict(done)}, {resent} repeated deliveries")  # noqa: T201
    assert Counter(request.state for request, _, _ in rows) == {"sent": len(ids)}
    assert len(rows) == len(mails) == len(mail_store.mails()) == len(ids)
    for request, document, student in rows:
        _is_right(request, document, student, mails[str(request.message_id)], mail_store)
    certificate = settings.signing_certificate.encode()
    for mail in random.Random(1).sample(sorted(mails.values(), key=lambda m: m.id), 20):
        finding = checking.check(attachment(mail_store.content(mail.id)), certificate)
        assert (finding.signature, finding.ours) == ("intact", True)


def _is_right(
    request: TranscriptRequest,
    document: TranscriptDocument,
    student: Student,
    mail: Envelope,
    store: MailStore,
) -> None:
    """The one mail of a request holds the file that ledger and register speak of."""
    assert mail.recipient == request.email
    assert mail.deliveries == 1 or request.possible_duplicate
    pdf = attachment(store.content(mail.id))
    assert hashlib.sha256(pdf).hexdigest() == request.pdf_sha256 == document.pdf_sha256
    with pypdfium2.PdfDocument(pdf) as file:
        text = " ".join(file[0].get_textpage().get_text_range().split())
    line = document.content["periods"][0]["courses"][0]
    assert student.name in text
    assert student.reg_no in text
    assert f"T-1 Testing 3 {float(line['percent']):.2f} {line['letter']}" in text
