"""What a run tells a program while it works: one JSON object a line, and one at its end.

``SIMS_BACKUP_EVENTS`` is the file they are appended to, ``-`` for stdout. The last one, the
``Outcome``, also goes to ``SIMS_BACKUP_OUTCOME``, made to fit into ``OUTCOME_BYTES``, which is
what Kubernetes keeps of a container's termination message. Other lines may stand between
(a pod's log mixes stdout and stderr): ``parse`` tells events from them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from sims_backup.contract.manifest import Record

OUTCOME_BYTES = 4096
_LIST = 5
_TEXT = 500


class Progress(Record):
    """A stage began, advanced or ended; ``bytes`` counts within the stage."""

    sims_backup: Literal["progress"] = "progress"
    at: datetime
    verb: str
    stage: str
    state: Literal["began", "running", "ended"]
    bytes: int = 0
    expected_bytes: int | None = Field(None, description="an estimate; null: unknown")
    bytes_per_second: int | None = None
    seconds: float = Field(0.0, description="since the stage began")


class Outcome(Record):
    """How the run ended; the last event of every run that was not killed."""

    sims_backup: Literal["outcome"] = "outcome"
    at: datetime
    verb: str
    exit_code: int = Field(description="sims_backup.contract.exits.Exit")
    code: str = Field(description="OK, or the name of the error or exit code")
    message: str = Field(description="for people; empty when all is well")
    result: dict[str, Any] | None = Field(
        description="the verb's model of sims_backup.contract.results; null when it made none"
    )
    cut: bool = Field(default=False, description="long lists or texts of result were cut to fit")


Event = Annotated[Progress | Outcome, Field(discriminator="sims_backup")]
_EVENT: TypeAdapter[Progress | Outcome] = TypeAdapter(Event)


def parse(line: str | bytes) -> Progress | Outcome | None:
    """The event in a line; None for any other line, such as one of the log."""
    try:
        return _EVENT.validate_json(line)
    except ValidationError:
        return None


def line(event: Progress | Outcome) -> str:
    """One line of JSON with its end."""
    return event.model_dump_json() + "\n"


def fit(outcome: Outcome, limit: int = OUTCOME_BYTES) -> Outcome:
    """The same outcome in at most ``limit`` bytes: lists and texts cut, then no result."""
    if len(line(outcome).encode()) <= limit:
        return outcome
    result = _cut(outcome.result) if outcome.result else None
    message = outcome.message[:_TEXT]
    short = outcome.model_copy(update={"result": result, "message": message, "cut": True})
    if len(line(short).encode()) <= limit:
        return short
    flat = {k: v for k, v in (result or {}).items() if not isinstance(v, dict | list)}
    short = short.model_copy(update={"result": flat or None})
    if len(line(short).encode()) <= limit:
        return short
    return short.model_copy(update={"result": None, "message": message[: _TEXT // 2]})


def _cut(value: Any) -> Any:
    match value:
        case str():
            return value[:_TEXT]
        case list():
            return [_cut(item) for item in value[:_LIST]]
        case dict():
            return {name: _cut(item) for name, item in value.items()}
        case _:
            return value


def outcome_of(text: str | bytes) -> Outcome | None:
    """The outcome in a termination message or at the end of a log; None when there is none.

    Without one the process was killed, or never started: the exit code says which.
    """
    data = text.encode() if isinstance(text, str) else text
    for candidate in reversed(data.splitlines()):
        event = parse(candidate)
        if isinstance(event, Outcome):
            return event
    return None
