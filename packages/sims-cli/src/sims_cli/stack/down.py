"""Stopping what ``sims up`` runs, from another terminal."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

from sims_cli.errors import StackError
from sims_cli.output import errors
from sims_cli.progress import Steps
from sims_cli.stack import leftovers, lock, pg_runtime
from sims_cli.state import WORKSPACE, State

PATIENCE = 60.0  # seconds: longer than all stop times of ``sims up`` together
OURS = ("up.lock", "environment", "secrets")
"""What a state directory of ours contains; ``reset`` deletes nothing else."""


def stop_all(state: State) -> None:
    """Ends the supervisor and whatever a killed one left behind."""
    steps = Steps(errors())
    pid = lock.holder(state.lock)
    if pid is not None:
        with steps.step(f"Stop sims up ({pid})"):
            _stop(state, pid)
    old = leftovers.find(state)
    if old:
        with steps.step("Stop leftovers") as step:
            step.note = f"{leftovers.stop(old)} processes"
    if pid is None and not old:
        steps.console.print(f"SIMS does not run on {state.root}.")


def delete(state: State) -> None:
    """Stops everything and deletes the state directory, also its part in /var/lib/sims.

    Raises ``StackError`` when the directory does not look like one of ours.
    """
    if not state.root.exists():
        errors().print(f"There is nothing in {state.root}.")
        return
    if not any((state.root / name).exists() for name in OURS) or _is_checkout(state.root):
        raise StackError(
            f"{state.root} does not look like a state directory of SIMS; nothing was deleted."
        )
    stop_all(state)
    with Steps(errors()).step("Delete"), lock.hold(state.lock):
        for folder in (pg_runtime.private_home(state.root), state.root):
            if folder.exists():
                shutil.rmtree(folder)


def _stop(state: State, pid: int) -> None:
    """SIGTERM, and SIGKILL when it has not ended in time. The lock proves that it is ours.

    The end is seen by the lock, which the kernel drops: a process whose parent does not
    collect it (a container's first process, say) would seem to run for ever.
    """
    os.kill(pid, signal.SIGTERM)
    if not _let_go(state, pid, PATIENCE):
        os.kill(pid, signal.SIGKILL)
        _let_go(state, pid, 5)


def _let_go(state: State, pid: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while lock.holder(state.lock) == pid:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _is_checkout(folder: Path) -> bool:
    project = folder / "pyproject.toml"
    return project.is_file() and WORKSPACE in project.read_text(encoding="utf-8")
