"""One run: an account, the visit, the cleaning up."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from sqlalchemy import Engine

from sims_cli import superuser
from sims_cli.findings import Finding, Level
from sims_cli.smoke import traces
from sims_cli.smoke.visit import SmokeFailed, Visit

TERMINATED = 128 + signal.SIGTERM

Step = tuple[str, Callable[[], str]]


def run(engine: Engine, *, url: str, mail_to: str, seconds: float) -> list[Finding]:
    """The findings, the last one about the cleaning up, which happens in any case.

    The account's password is made here, kept in memory and nowhere else.
    """
    marker = f"{traces.MARKER}{secrets.token_hex(6)}"
    password = superuser.generated()
    visit = Visit(url, marker)
    for old in traces.abandoned(engine):
        traces.remove(engine, old)
    with _sigterm_raises():
        try:
            superuser.create(
                engine, username=marker, email=f"{marker}@sims.invalid", password=password
            )
            found = list(
                _take(
                    ("health", visit.healthy),
                    ("sign in", lambda: visit.sign_in(password)),
                    ("write a record", visit.write),
                    ("transcript", lambda: visit.transcript(mail_to, seconds=seconds)),
                )
            )
        finally:
            clean = traces.remove(engine, marker)
    return [*found, _cleaned(marker, clean=clean)]


def _take(*steps: Step) -> Iterator[Finding]:
    """Stops after the first step that fails."""
    for name, step in steps:
        try:
            yield Finding(name, Level.OK, step())
        except SmokeFailed as failed:
            yield Finding(name, Level.FAIL, str(failed))
            return


def _cleaned(marker: str, *, clean: bool) -> Finding:
    if clean:
        return Finding("clean up", Level.OK, f"{marker} is left in the audit trail alone")
    detail = f"the account {marker} is closed; records that may not be deleted name it"
    return Finding("clean up", Level.WARN, detail)


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """A pod that is deleted still cleans up."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
