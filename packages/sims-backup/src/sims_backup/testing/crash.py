"""Sudden death: runs the engine in a child that kills itself at a numbered side effect.

A parent process without threads imports everything once and forks for each run, so that
hundreds of runs take seconds each rather than a start of Python. Protocol: one JSON line
in (settings, call, step, edge), one JSON line out (signal or exit code, last step, error).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from typing import IO, Any

from sims_backup.steps import Edge
from sims_common.logs import configure
from sims_common.settings import LogSettings


@dataclass(frozen=True)
class Death:
    """How a run ended: ``steps`` is the last number reached, ``code`` as of Popen."""

    code: int
    steps: int
    trail: list[str]
    error: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Zygote:
    """Runs calls in forked children; close it at the end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sims_backup.testing.crash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        call: str,
        settings: dict[str, Any],
        *,
        step: int = 0,
        edge: Edge = "before",
        kill_after: float | None = None,
        **arguments: Any,
    ) -> Death:
        """``step`` 0 lets it finish; ``kill_after`` seconds kills at that moment instead."""
        order = {
            "call": call,
            "settings": settings,
            "step": step,
            "edge": edge,
            "kill_after": kill_after,
            "arguments": arguments,
        }
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the zygote has no pipes")
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the zygote died")
        return Death(**json.loads(answer))

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=30)
        if self._process.stdout is not None:
            self._process.stdout.close()


def _child(order: dict[str, Any], report: IO[str]) -> None:
    from sims_backup import steps  # noqa: PLC0415  after the fork

    def watch(number: int, edge: Edge, kind: str, target: str) -> None:
        report.write(f"{number} {edge} {kind} {target}\n")
        report.flush()
        if (number, edge) == (order["step"], order["edge"]):
            os.kill(os.getpid(), signal.SIGKILL)

    steps.observe(watch)
    if order["kill_after"] is not None:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, order["kill_after"])
    _perform(order["call"], order["settings"], order["arguments"])


def _perform(call: str, values: dict[str, Any], arguments: dict[str, Any]) -> None:
    from sims_backup.engine.backup import take_backup  # noqa: PLC0415  after the fork
    from sims_backup.engine.context import Context  # noqa: PLC0415
    from sims_backup.engine.drill import drill  # noqa: PLC0415
    from sims_backup.engine.prune import prune  # noqa: PLC0415
    from sims_backup.engine.restore import Request, restore  # noqa: PLC0415
    from sims_backup.engine.sync import synchronise  # noqa: PLC0415
    from sims_backup.engine.undo import undo  # noqa: PLC0415
    from sims_backup.repository import Repository  # noqa: PLC0415
    from sims_backup.settings import BackupSettings  # noqa: PLC0415
    from sims_backup.storage.targets import open_target  # noqa: PLC0415

    settings = BackupSettings(**values)
    with Context.open(settings) as context:
        match call:
            case "backup":
                take_backup(context)
            case "prune":
                prune(context, dry_run=False)
            case "restore":
                name = arguments.pop("name")
                manifest = context.repository.find(name).manifest
                restore(context, Request(manifest, **arguments))
            case "undo":
                undo(context)
            case "drill":
                drill(context, context.repository.find(arguments["name"]))
            case "sync":
                with open_target(arguments["to"], settings) as storage:
                    synchronise(context, Repository(storage), delete=True, dry_run=False)
            case _:
                raise ValueError(call)


def _serve(answers: IO[str]) -> None:
    for line in sys.stdin:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            code = 1
            try:
                with os.fdopen(writer, "w") as report:
                    try:
                        _child(json.loads(line), report)
                        code = 0
                    except BaseException:  # noqa: BLE001  told to the parent, line by line
                        report.write("error " + traceback.format_exc().replace("\n", "\\n") + "\n")
            finally:
                os._exit(code)
        os.close(writer)
        with os.fdopen(reader) as report:
            trail = report.read().splitlines()
        _, status = os.waitpid(pid, 0)
        errors = [item.removeprefix("error ") for item in trail if item.startswith("error ")]
        trail = [item for item in trail if not item.startswith("error ")]
        numbers = [int(item.split(" ", 1)[0]) for item in trail]
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "steps": max(numbers, default=0),
            "trail": trail,
            "error": "".join(errors).replace("\\n", "\n"),
        }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    import sims_backup.engine.drill
    import sims_backup.engine.sync
    import sims_backup.engine.undo
    import sims_backup.storage.s3  # noqa: F401  imported before the forks, to be quick

    configure(LogSettings(log_level="ERROR", log_format="json"), service="crash")
    with os.fdopen(os.dup(1), "w") as channel:
        os.dup2(2, 1)  # whatever prints must not spoil the protocol
        _serve(channel)
