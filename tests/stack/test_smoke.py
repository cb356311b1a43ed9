"""`sims smoke` on the whole of SIMS: it proves the way to the mail, and leaves nothing behind.

But the audit trail, which keeps what was made and that all of it was deleted.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, select

from sims_cli.state import State
from sims_common.settings import DatabaseSettings
from sims_core import db
from sims_core.models import AuditEvent, Base, User

from .conftest import Installation, eventually

pytestmark = pytest.mark.slow


def _engine(installation: Installation) -> Engine:
    path = State(installation.home).environment()["SIMS_DATABASE_URL_FILE"]
    url = SecretStr(Path(path).read_text().strip())
    return db.engine(DatabaseSettings(database_url=url), service="tests", pool_size=0)


def _rows(engine: Engine) -> dict[str, int]:
    """By table, but the trail; ``row_count`` has its counters in as many rows as writers need."""
    with engine.connect() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in Base.metadata.tables.items()
            if name not in {"row_count", AuditEvent.__tablename__}
        }


def _last_event(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.max(AuditEvent.id))).scalar_one()


def _all_made_was_deleted(engine: Engine, since: int) -> None:
    """So says the trail of what happened after the event ``since``."""
    query = select(AuditEvent.action, AuditEvent.entity, AuditEvent.entity_id)
    with engine.connect() as connection:
        events = connection.execute(query.where(AuditEvent.id > since)).all()
    made = {(e.entity, e.entity_id) for e in events if e.action == "create"}
    assert {entity for entity, _ in made} >= {"user_account", "program", "student"}
    assert made == {(e.entity, e.entity_id) for e in events if e.action == "delete"}


def test_a_run_mails_a_transcript_and_leaves_nothing(installation: Installation) -> None:
    installation.up()
    engine = _engine(installation)
    before, since = _rows(engine), _last_event(engine)
    done = installation.run(
        "smoke", "--url", installation.api, "--mail-to", "probe@example.org", "-o", "json"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [f["level"] for f in json.loads(done.stdout)] == ["ok"] * 5
    assert [m["recipient"] for m in installation.messages()] == ["probe@example.org"]
    assert _rows(engine) == before
    _all_made_was_deleted(engine, since)


def test_a_run_that_is_told_to_stop_cleans_up(installation: Installation) -> None:
    installation.up()
    engine = _engine(installation)
    before, since = _rows(engine), _last_event(engine)
    worker = installation.pid("worker")
    os.kill(worker, signal.SIGSTOP)  # so that the transcript waits
    smoke = subprocess.Popen(
        installation.sims("smoke", "--url", installation.api, "--timeout", "300"),
        env=installation.environment,
    )
    asked = Base.metadata.tables["transcript_request"].name
    eventually("the transcript is asked for", lambda: _rows(engine)[asked] > before[asked])
    smoke.terminate()
    assert smoke.wait(60) == 143
    os.kill(worker, signal.SIGCONT)
    assert _rows(engine) == before
    _all_made_was_deleted(engine, since)
    with engine.connect() as connection:
        assert not connection.scalars(select(User.id).where(User.username.like("smoke-%"))).all()


def test_a_wrong_address_of_the_api_is_said(installation: Installation) -> None:
    installation.up()
    done = installation.run("smoke", "--url", "http://127.0.0.1:9", "-o", "json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found[0]["name"], found[0]["level"]) == ("health", "fail")
    assert "http://127.0.0.1:9 does not answer" in found[0]["detail"]
    assert found[-1]["level"] == "ok"
