"""Processes that a killed ``sims up`` left behind. No other process is ever signalled.

A process is ours when its id *and* start time are in ``processes.json``, or when its
environment carries our marker with the path of this state directory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator

import psutil

from sims_cli.stack import secret_files
from sims_cli.stack.process import Child
from sims_cli.state import MARKER, State

PATIENCE = 15.0  # seconds for a fast shutdown of PostgreSQL


def record(state: State, children: Iterable[Child]) -> None:
    """Writes down what runs now."""
    rows = []
    for child in children:
        try:
            created = psutil.Process(child.pid).create_time()
        except psutil.NoSuchProcess:
            continue  # it ended just now: there is nothing to remember
        rows.append({"name": child.command.name, "pid": child.pid, "created": created})
    secret_files.write(state.processes, json.dumps(rows))


def find(state: State) -> list[psutil.Process]:
    """Processes of an earlier ``sims up`` that still run."""
    mine = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
    found = {p.pid: p for p in (*_recorded(state), *_marked(state))}
    return [process for pid, process in found.items() if pid not in mine]


def stop(processes: list[psutil.Process], *, patience: float = PATIENCE) -> int:
    """Ends them, by force after ``patience`` seconds; returns how many there were.

    SIGINT is the fast shutdown of PostgreSQL and a stop for the others.
    """
    for process in processes:
        _signal(process, interrupt=True)
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        _signal(process, interrupt=False)
    psutil.wait_procs(alive, timeout=5)
    return len(processes)


def _signal(process: psutil.Process, *, interrupt: bool) -> None:
    try:
        if not interrupt:
            process.kill()
        elif process.name() == "postgres":
            process.send_signal(2)
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return  # it ended by itself, which is what we want


def _recorded(state: State) -> Iterator[psutil.Process]:
    try:
        rows = json.loads(state.processes.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    for row in rows:
        try:
            process = psutil.Process(row["pid"])
            same = abs(process.create_time() - row["created"]) < 1
        except psutil.NoSuchProcess:
            continue
        if same and process.status() != psutil.STATUS_ZOMBIE:
            yield process


def _marked(state: State) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue  # gone, or somebody else's
        if environment.get(MARKER) == str(state.root):
            yield process
