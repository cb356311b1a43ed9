"""Tools and their workers: none outlives the deadline or us, stopped or not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from sims_backup.errors import DeadlinePassed, ToolFailed
from sims_backup.parallel import Deadline
from sims_backup.postgres.tools import Tool

FAMILY = ["sh", "-c", "sleep 300 & sleep 300 & wait"]


def members(group: int) -> list[int]:
    """Living processes of a process group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = path.read_text().rsplit(")", 1)[1].split()[:3]
        except OSError:
            continue
        if int(pgrp) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


def wait_for(group: int, count: int) -> None:
    """Until the group has that many members; the test's own limit ends a wait in vain."""
    while len(members(group)) != count:
        time.sleep(0.02)


@pytest.mark.parametrize("stopped", [False, True])
def test_the_deadline_ends_the_whole_group(stopped: bool) -> None:
    with closing(Deadline(1.0)) as deadline:
        with Tool(FAMILY, dict(os.environ), deadline) as tool:
            if stopped:
                tool.pause()
            with pytest.raises(DeadlinePassed):
                tool.finish()
        wait_for(tool.process.pid, 0)


def test_leaving_early_ends_the_whole_group() -> None:
    with closing(Deadline(60.0)) as deadline:
        with Tool(FAMILY, dict(os.environ), deadline) as tool:
            wait_for(tool.process.pid, 3)
            tool.pause()
        wait_for(tool.process.pid, 0)


def test_a_stopped_tool_does_not_outlive_us() -> None:
    """A killed run must not leave a stopped pg_dump that holds locks for ever."""
    code = (
        "import os, time\n"
        "from sims_backup.parallel import Deadline\n"
        "from sims_backup.postgres.tools import Tool\n"
        f"tool = Tool({FAMILY!r}, dict(os.environ), Deadline(600.0))\n"
        "time.sleep(0.3)\n"
        "tool.pause()\n"
        "print(tool.process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    assert child.stdout is not None
    group = int(child.stdout.readline())
    assert members(group)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    wait_for(group, 0)


def test_what_a_tool_said_is_told() -> None:
    with closing(Deadline(60.0)) as deadline:
        argv = ["sh", "-c", "echo 'pg_dump: error: no such table' >&2; exit 3"]
        with (
            pytest.raises(ToolFailed, match=r"exit code 3.*no such table"),
            Tool(argv, dict(os.environ), deadline) as tool,
        ):
            tool.finish()
