"""Trouble on request, for tests of what a sender does about it."""

from __future__ import annotations

import threading
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Stage = Literal["connect", "mail", "rcpt", "data", "sent"]


class Fault(BaseModel):
    """What goes wrong, where, how often.

    ``stage``: at the greeting, at MAIL, at RCPT, at DATA before the mail is kept, or
    ``sent``: after it is kept and before the sender hears of it.
    ``action``: ``reply`` with ``code`` and ``text``, ``hang`` for ``seconds`` and then go on,
    or ``drop`` the connection. ``times``: how often, None for always.
    ``recipient``: only for this address (from ``rcpt`` on).
    """

    model_config = ConfigDict(extra="forbid")

    stage: Stage
    action: Literal["reply", "hang", "drop"]
    code: int = Field(451, ge=400, le=599)
    text: str = Field("fault injected", max_length=200, pattern=r"^[ -~]*$")
    seconds: float = Field(60.0, ge=0, le=3600)
    times: int | None = Field(None, ge=1)
    recipient: str | None = None


class Faults:
    """The faults in force. Thread-safe: the page sets them, the SMTP server takes them."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def set(self, faults: list[Fault]) -> None:
        with self._lock:
            self._faults = list(faults)

    def current(self) -> list[Fault]:
        with self._lock:
            return list(self._faults)

    def take(self, stage: Stage, recipients: list[str]) -> Fault | None:
        """The fault for this moment, counted; None when all goes well."""
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fault.stage == stage and (not fault.recipient or fault.recipient in recipients):
                    self._count(number, fault)
                    return fault
        return None

    def _count(self, number: int, fault: Fault) -> None:
        if fault.times == 1:
            del self._faults[number]
        elif fault.times is not None:
            self._faults[number] = fault.model_copy(update={"times": fault.times - 1})
