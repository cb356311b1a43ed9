"""What the worker issues: one document a request, the same file when it is sent once more."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import uuid
from collections.abc import Callable
from email.message import EmailMessage

from services.worker.tests.test_worker_process import lapse
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sims_cli.mail_catcher.faults import Fault, Faults
from sims_cli.mail_catcher.store import MailStore, parse
from sims_core.models import Hold, TranscriptDocument, TranscriptRequest
from sims_worker.settings import WorkerSettings

Ask = Callable[..., list[uuid.UUID]]
Start = Callable[..., "subprocess.Popen[bytes]"]
States = Callable[[list[uuid.UUID]], list[str]]
Eventually = Callable[..., None]


def files(store: MailStore) -> list[bytes]:
    """The PDF of each mail."""
    found = []
    for mail in store.mails():
        (attachment,) = parse(store.content(mail.id)).iter_attachments()
        assert isinstance(attachment, EmailMessage)
        found.append(attachment.get_content())
    return found


def documents(engine: Engine) -> list[TranscriptDocument]:
    with Session(engine) as session:
        return list(session.scalars(select(TranscriptDocument)))


def test_a_hold_placed_after_the_request_ends_it(
    ask: Ask,
    start_worker: Start,
    states: States,
    eventually: Eventually,
    mail_store: MailStore,
    engine: Engine,
) -> None:
    ids = ask(2)
    with Session(engine) as session, session.begin():
        request = session.get_one(TranscriptRequest, ids[0])
        session.add(
            Hold(
                student_id=request.student_id,
                kind="finance",
                reason="fees of 2025",
                blocks_transcripts=True,
                placed_by_id=request.requested_by_id,
            )
        )
    start_worker()

    eventually(lambda: states(ids) == ["failed", "sent"], "one is held back, the other sent")
    with Session(engine) as session:
        assert session.get_one(TranscriptRequest, ids[0]).error == (
            "Settle first: finance: fees of 2025."
        )
    assert [d.request_id for d in documents(engine)] == [ids[1]]
    assert len(mail_store.mails()) == 1


def test_what_may_have_been_delivered_is_sent_again_as_the_same_file(
    ask: Ask,
    start_worker: Start,
    states: States,
    eventually: Eventually,
    mail_store: MailStore,
    faults: Faults,
    engine: Engine,
    settings: WorkerSettings,
) -> None:
    """The relay keeps the first copy; its token must be that of the one document there is."""
    faults.set([Fault(stage="sent", action="hang", seconds=60, times=1)])
    ids = ask(1, single=True)
    worker = start_worker(smtp_timeout=40)
    eventually(lambda: len(mail_store.mails()) == 1, "the relay has kept the first copy")
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    lapse(engine)
    start_worker()

    eventually(lambda: states(ids) == ["sent"], "sent once more")
    (mail,) = mail_store.mails()
    assert mail.deliveries == 2
    (file,) = files(mail_store)
    (document,) = documents(engine)
    assert hashlib.sha256(file).hexdigest() == document.pdf_sha256
    assert document.pdf_size == len(file)
