"""Exit codes of ``sims-backup``; the operator and scripts decide by them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Stable numbers; docs/adr/0020 lists what to do for each."""

    OK = 0
    FAILED = 1  # an error nobody foresaw, or a tool failed
    USAGE = 2  # wrong arguments
    NOT_PROVEN = 3  # verification, drill or invariant failed; the set does not count
    NOT_FOUND = 4  # no such set, file or object
    REFUSED = 5  # a guard said no: confirmation, installation, version, policy
    BUSY = 6  # another backup, prune or restore holds the lock
    UNAVAILABLE = 7  # database or store can't be reached or denies access
    NO_SPACE = 8  # disk full: staging, store or server
    DEADLINE = 9  # SIMS_BACKUP_DEADLINE passed
    INCOMPLETE_TARGETS = 10  # published in the first target, not in all
    MEDIA_PROBLEMS = 11  # published; media files are missing or changed, named in the output
    CONFIG = 78  # a setting is wrong (EX_CONFIG)
    INTERRUPTED = 130  # Ctrl-C; cleaned up like any failure
    TERMINATED = 143  # SIGTERM, such as a deleted Job; cleaned up too
