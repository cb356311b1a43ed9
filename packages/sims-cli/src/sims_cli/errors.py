"""What can go wrong when SIMS runs on one machine. Each message says how to go on."""

from __future__ import annotations

from sims_common.errors import SimsError


class StackError(SimsError):
    code = "STACK"
    title = "The local installation cannot go on"


class Unsupported(StackError):
    code = "UNSUPPORTED"
    title = "This machine lacks something"


class StartFailed(StackError):
    code = "START_FAILED"
    title = "A part did not start"
