"""Dead letters by command: found, looked into, put back, cancelled."""

from __future__ import annotations

import json
import uuid

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from sims_cli.main import app
from sims_common.settings import DatabaseSettings
from sims_core.jobs import BatchGenerateTranscripts
from sims_core.models import Outbox, Program, Student, TranscriptRequest, User
from sims_core.outbox import new_job


@pytest.fixture
def job(session: Session, database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> uuid.UUID:
    """A job of three: one sent, one failed, one of which nobody knows."""
    monkeypatch.setenv("SIMS_DATABASE_URL", database.database_url.get_secret_value())
    program = Program(name="BSc")
    user = User(username="r", email="r@college.example", password_hash="-")
    session.add_all([program, user])
    session.flush()
    student = Student(reg_no="R-1", name="Zoë", program_id=program.id, enrollment_year=2025)
    states = {uuid.UUID(int=n): s for n, s in enumerate(("sent", "failed", "unknown"), start=1)}
    found = new_job(BatchGenerateTranscripts(request_ids=list(states)), request_id="api-1")
    session.add_all([student, found])
    session.flush()
    session.add_all(
        TranscriptRequest(
            id=id_, student_id=student.id, requested_by_id=user.id, job_id=found.id,
            email="zoe@college.example", state=state,
        )
        for id_, state in states.items()
    )  # fmt: skip
    session.execute(update(Outbox).values(state="failed", attempts=5, error="MAIL_REFUSED"))
    session.commit()
    return found.id


def sims(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["jobs", *arguments])
    return result.exit_code, result.output


def test_a_failed_job_is_found_looked_into_and_put_back(job: uuid.UUID, session: Session) -> None:
    code, said = sims("list", "--output", "json")
    assert code == 0
    assert [(j["id"], j["unsent"]) for j in json.loads(said)] == [(str(job), 2)]
    code, said = sims("show", str(job)[:8])
    assert code == 0
    for part in (str(job), "MAIL_REFUSED", "sent", "failed", "unknown"):
        assert part in said
    assert "zoe@college.example" not in said

    assert sims("requeue", str(job)[:8]) == (
        0,
        f"Job {job} is due again, with 2 transcripts.\n",
    )
    session.expire_all()
    states = [r.state for r in session.query(TranscriptRequest).order_by(TranscriptRequest.id)]
    assert states == ["sent", "recorded", "recorded"]
    assert sims("list", "--output", "json")[1].strip() == "[]"
    assert sims("cancel", str(job))[1] == "2 cancelled, 1 had gone too far.\n"


def test_what_cannot_be_done_says_why(job: uuid.UUID) -> None:
    assert sims("show", "ffffffff-none")[0] == 1
    assert sims("list", "--state", "lost")[0] == 2
    assert sims("requeue", str(job))[0] == 0
    assert sims("requeue", str(job))[0] == 1
