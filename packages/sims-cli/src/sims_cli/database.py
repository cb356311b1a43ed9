"""The database that a command works on: the configured one, else the local installation's."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from sims_cli.failures import explain
from sims_cli.state import find, use_local_installation
from sims_common.settings import DatabaseSettings, load
from sims_core import db

REFUSED = "password authentication failed"
"""In the server's words; libpq gives no code for what goes wrong before a session."""


@contextmanager
def connected(service: str, *, statement_timeout: int = 60) -> Iterator[Engine]:
    """An engine that opens a connection for each use; ``statement_timeout`` in seconds."""
    use_local_installation(find())
    engine = db.engine(
        load(DatabaseSettings), service=service, pool_size=0, statement_timeout=statement_timeout
    )
    try:
        yield engine
    finally:
        engine.dispose()


def until_it_answers(engine: Engine, *, seconds: float) -> None:
    """Tries once a second, and says so on stderr whenever the reason changes.

    Raises the last ``OperationalError`` when ``seconds`` are over; at once when the password is
    refused, as waiting does not mend that.
    """
    end = time.monotonic() + seconds
    said = ""
    while time.monotonic() < end:
        try:
            engine.connect().close()
        except OperationalError as error:
            if REFUSED in str(error):
                raise
            known = explain(error)
            reason = known.message.splitlines()[0] if known else str(error)
            if reason != said:
                sys.stderr.write(f"sims: waiting up to {seconds:.0f} s. {reason}\n")
                said = reason
            time.sleep(1)
        else:
            return
    engine.connect().close()
