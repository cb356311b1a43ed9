"""Exit codes of ``sims``, shown by ``sims --help``."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    FAILED = 1  # the command ran and found or met a problem
    USAGE = 2  # wrong options or arguments
    UNAVAILABLE = 69  # database, Redis or another service does not answer (EX_UNAVAILABLE)
    CONFIG = 78  # a setting is missing or wrong (EX_CONFIG)
    INTERRUPTED = 130  # Ctrl-C


HELP = (
    "Exit codes: 0 ok; 1 a problem was found or the command failed; 2 wrong usage;"
    " 69 a service does not answer; 78 a setting is missing or wrong; 130 interrupted."
)
