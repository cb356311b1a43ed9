"""Writes the events of a run where ``SIMS_BACKUP_EVENTS`` and ``SIMS_BACKUP_OUTCOME`` say."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from pydantic import BaseModel, Field

from sims_backup.contract.events import Outcome, Progress, fit, line
from sims_backup.contract.exits import Exit
from sims_common.clock import now
from sims_common.logs import get_logger
from sims_common.settings import Settings

log = get_logger(__name__)


class EventSettings(Settings):
    backup_events: str = Field(
        "", description="file that progress and outcome are appended to; - for stdout"
    )
    backup_outcome: str = Field(
        "", description="file for the outcome, up to 4096 bytes, such as /dev/termination-log"
    )


class Run:
    """One verb's run. A place that can't be written is told once and costs no backup."""

    def __init__(self, verb: str, settings: EventSettings) -> None:
        self.verb, self._settings = verb, settings
        self._guard = threading.Lock()
        self._broken = False
        self.result: BaseModel | None = None

    @property
    def wanted(self) -> bool:
        """Whether somebody reads progress."""
        return bool(self._settings.backup_events)

    def progress(self, event: Progress) -> None:
        self._append(line(event))

    def finish(self, exit_code: int, code: str = "", message: str = "") -> None:
        """The last event; ``code`` defaults to the name of the exit code."""
        known = {int(item): item.name for item in Exit}
        outcome = Outcome(
            at=now(),
            verb=self.verb,
            exit_code=exit_code,
            code=code or known.get(exit_code, "FAILED"),
            message=message,
            result=self.result.model_dump(mode="json") if self.result else None,
        )
        self._append(line(outcome))
        if not self._settings.backup_outcome:
            return
        try:
            Path(self._settings.backup_outcome).write_text(line(fit(outcome)), encoding="utf-8")
        except OSError as error:
            log.error("outcome not written", path=self._settings.backup_outcome, error=str(error))  # noqa: TRY400  the error is told, its trace adds nothing

    def _append(self, text: str) -> None:
        path = self._settings.backup_events
        if not path or self._broken:
            return
        with self._guard:
            try:
                if path == "-":
                    sys.stdout.write(text)
                    sys.stdout.flush()
                else:
                    with Path(path).open("a", encoding="utf-8") as file:
                        file.write(text)
            except OSError as error:
                self._broken = True
                log.error("events not written", path=path, error=str(error))  # noqa: TRY400  the error is told, its trace adds nothing


_NOBODY = Run("", EventSettings.model_construct(backup_events="", backup_outcome=""))
_current = _NOBODY


def current() -> Run:
    """This process's run; one that tells nobody when the engine is used as a library."""
    return _current


def begin(verb: str, settings: EventSettings) -> Run:
    global _current  # noqa: PLW0603  a process runs one verb
    _current = Run(verb, settings)
    return _current


def end() -> None:
    global _current  # noqa: PLW0603  a process runs one verb
    _current = _NOBODY
