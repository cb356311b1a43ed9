"""The worker as a process: what arrives when relay, queue or the worker itself misbehave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from sims_cli.mail_catcher.faults import Fault, Faults
from sims_cli.mail_catcher.store import MailStore
from sims_core.models import Outbox, TranscriptRequest
from sims_worker.settings import WorkerSettings

Ask = Callable[..., list[uuid.UUID]]
Start = Callable[..., "subprocess.Popen[bytes]"]
States = Callable[[list[uuid.UUID]], list[str]]
Eventually = Callable[..., None]


def requests(engine: Engine, ids: list[uuid.UUID]) -> list[TranscriptRequest]:
    with Session(engine) as session:
        return list(session.scalars(select(TranscriptRequest).where(TranscriptRequest.id.in_(ids))))


def job(engine: Engine) -> Outbox:
    with Session(engine) as session:
        return session.scalars(select(Outbox)).one()


def _runs(engine: Engine, attempt: int) -> bool:
    found = job(engine)
    return found.state == "running" and found.attempts == attempt


def lapse(engine: Engine) -> None:
    """Lets the lease of the running job run out now instead of in twenty seconds."""
    with Session(engine) as session, session.begin():
        session.execute(
            update(Outbox)
            .where(Outbox.state == "running")
            .values(leased_until=Outbox.created_at - timedelta(hours=1))
        )


def log_lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "worker.log").read_text().splitlines()]


def test_single_and_batch_arrive_and_the_log_names_nobody(
    ask: Ask,
    start_worker: Start,
    states: States,
    eventually: Eventually,
    mail_store: MailStore,
    tmp_path: Path,
) -> None:
    ids = [*ask(1, single=True), *ask(3)]
    start_worker()

    eventually(lambda: set(states(ids)) == {"sent"}, "all sent")
    mails = mail_store.mails()
    assert len(mails) == 4
    assert {mail.deliveries for mail in mails} == {1}
    text = (tmp_path / "worker.log").read_text()
    assert "Zoë" not in text
    assert "@college.example" not in text
    sent = [line for line in log_lines(tmp_path) if line["event"] == "transcript sent"]
    assert {line["transcript_id"] for line in sent} == {str(id_) for id_ in ids}
    assert {line["request_id"] for line in sent} == {"api-request-1"}


def test_a_worker_killed_while_the_relay_had_the_mail_sends_it_once_more_and_says_so(
    ask: Ask,
    start_worker: Start,
    states: States,
    eventually: Eventually,
    mail_store: MailStore,
    faults: Faults,
    engine: Engine,
) -> None:
    faults.set([Fault(stage="sent", action="hang", seconds=30, times=1)])
    ids = ask(2)
    worker = start_worker()
    eventually(lambda: len(mail_store.mails()) == 1, "the relay has kept the first mail")

    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    assert sorted(states(ids)) == ["recorded", "sending"]
    lapse(engine)
    start_worker()

    eventually(lambda: states(ids) == ["sent", "sent"], "both sent")
    assert sorted(mail.deliveries for mail in mail_store.mails()) == [1, 2]
    assert sorted(r.possible_duplicate for r in requests(engine, ids)) == [False, True]


def test_a_wiped_queue_gives_the_jobs_back(
    ask: Ask,
    start_worker: Start,
    states: States,
    eventually: Eventually,
    mail_store: MailStore,
    settings: WorkerSettings,
    engine: Engine,
) -> None:
    ids = [id_ for _ in range(3) for id_ in ask(1, single=True)]
    with Session(engine) as session, session.begin():
        # As if they had been put into a queue that has lost them since.
        long_ago = Outbox.created_at - timedelta(hours=1)
        session.execute(update(Outbox).values(state="dispatched", dispatched_at=long_ago))
    with Redis.from_url(settings.redis_url.get_secret_value()) as queue:
        queue.flushall()
    start_worker()

    eventually(lambda: set(states(ids)) == {"sent"}, "all sent")
    assert [mail.deliveries for mail in mail_store.mails()] == [1, 1, 1]


def test_what_the_relay_refuses_ends_and_what_it_postpones_is_tried_again(
    ask: Ask,
    start_worker: Start,
    states: States,
    eventually: Eventually,
    faults: Faults,
    engine: Engine,
    mail_store: MailStore,
) -> None:
    (refused,) = ask(1, single=True, email="nobody@college.example")
    postponed = ask(1, single=True, email="later@college.example")
    faults.set(
        [
            Fault(
                stage="rcpt",
                action="reply",
                code=550,
                text="5.1.1 no such user",
                recipient="nobody@college.example",
            ),
            Fault(
                stage="rcpt",
                action="reply",
                code=451,
                recipient="later@college.example",
                times=2,
            ),
        ]
    )
    start_worker()

    eventually(lambda: states(postponed) == ["sent"], "sent after two refusals")
    eventually(lambda: states([refused]) == ["refused"], "refused for good")
    (row,) = requests(engine, [refused])
    assert row.error is not None
    assert "no such user" in row.error
    assert [mail.recipient for mail in mail_store.mails()] == ["later@college.example"]


def test_a_job_that_takes_its_workers_down_is_quarantined(
    ask: Ask,
    start_worker: Start,
    states: States,
    eventually: Eventually,
    faults: Faults,
    engine: Engine,
) -> None:
    faults.set([Fault(stage="connect", action="hang", seconds=30)])
    ids = ask(1, single=True)
    for attempt in (1, 2, 3):
        worker = start_worker()
        eventually(lambda n=attempt: _runs(engine, n), f"run {attempt}")
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        lapse(engine)
    start_worker()

    eventually(lambda: job(engine).state == "failed", "given up")
    eventually(lambda: states(ids) == ["failed"], "the request says so")
    assert job(engine).crashes == 3


def test_sigterm_ends_the_running_job_takes_no_other_and_leaves_with_zero(
    ask: Ask,
    start_worker: Start,
    states: States,
    eventually: Eventually,
    faults: Faults,
    mail_store: MailStore,
) -> None:
    faults.set([Fault(stage="data", action="hang", seconds=1.5, times=1)])
    first, second = ask(1, single=True), ask(1, single=True)
    worker = start_worker()
    eventually(lambda: "sending" in states([*first, *second]), "a mail is under way")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(30) == 0
    assert sorted(states([*first, *second])) == ["recorded", "sent"]
    assert len(mail_store.mails()) == 1
    start_worker()
    eventually(lambda: set(states([*first, *second])) == {"sent"}, "the rest by the next")
    assert [mail.deliveries for mail in mail_store.mails()] == [1, 1]


def test_a_second_signal_gives_the_job_back_at_once(
    ask: Ask,
    start_worker: Start,
    eventually: Eventually,
    faults: Faults,
    engine: Engine,
) -> None:
    faults.set([Fault(stage="connect", action="hang", seconds=30, times=1)])
    ask(1, single=True)
    worker = start_worker()
    eventually(lambda: job(engine).state == "running", "the job runs")

    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGTERM)
    worker.wait(30)

    assert job(engine).state in ("pending", "dispatched")
    assert job(engine).crashes == 0


def test_side_port_tells_health_liveness_and_metrics(
    ask: Ask, start_worker: Start, states: States, eventually: Eventually, free_port: int
) -> None:
    ids = ask(2)
    worker = start_worker(worker_side_port=free_port)
    eventually(lambda: set(states(ids)) == {"sent"}, "sent")

    status, body = _get(free_port, "/api/health/")
    report = json.loads(body)
    assert status == 200
    assert report["status"] == "ok"
    assert {"db", "migrations", "redis"} <= report["checks"].keys()
    assert _get(free_port, "/livez")[0] == 200
    metrics = _get(free_port, "/metrics")[1]
    assert 'sims_transcripts_total{result="sent"} 2.0' in metrics
    assert 'sims_jobs_total{job="batch_generate_transcripts",result="finished"} 1.0' in metrics
    assert "sims_queue_jobs" in metrics
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(30) == 0


def _get(port: int, path: str) -> tuple[int, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.status, answer.read().decode()
