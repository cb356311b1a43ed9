"""The ``sims-backup`` command: one file a verb, loaded when it is called."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typing_extensions import override

from sims_backup import events
from sims_backup.console import show_error
from sims_backup.contract.exits import Exit
from sims_common.errors import SimsError
from sims_common.logs import configure
from sims_common.settings import LogSettings, load

VERBS = (
    "backup",
    "list",
    "show",
    "verify",
    "restore",
    "restores",
    "undo",
    "drill",
    "prune",
    "delete",
    "pin",
    "unpin",
    "sync",
    "doctor",
)
_MESSAGES = {
    int(Exit.CONFIG): "a setting is missing or wrong; the log names it",
    int(Exit.USAGE): "wrong arguments; the log says which",
    int(Exit.TERMINATED): "ended by SIGTERM; nothing was published or swapped after it",
}


class Verbs(TyperGroup):
    """Imports ``sims_backup.verbs.<verb>`` only when that verb is asked for."""

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        module = import_module(f"sims_backup.verbs.{cmd_name}")
        single = typer.Typer(add_completion=False)
        single.command(name=cmd_name)(module.command)
        return typer.main.get_command(single)


app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its frames would print values of settings
    help="Backups of PostgreSQL and media that are proven by restoring them.",
)


@app.callback()
def _settings() -> None:
    configure(load(LogSettings), service="sims-backup")


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the run like an error, so that it cleans up; as PID 1 it would be ignored."""

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one is enough; the clean-up goes on
        raise SystemExit(int(Exit.TERMINATED))

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main() -> None:
    """Exit codes: ``sims_backup.contract.exits`` and docs/adr/0020."""
    verb = next((word for word in sys.argv[1:] if word in VERBS), "")
    run = events.begin(verb, load(events.EventSettings))
    code, name, message = int(Exit.FAILED), "", ""
    try:
        with _terminable():
            app(prog_name="sims-backup")
        code = int(Exit.OK)
    except SimsError as error:
        show_error(error)
        code = int(getattr(error, "exit_code", Exit.FAILED))
        name, message = error.error_code, error.detail
    except KeyboardInterrupt:
        code = int(Exit.INTERRUPTED)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        message = _MESSAGES.get(code, str(end.code) if isinstance(end.code, str) else "")
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except Exception as error:
        message = f"{type(error).__name__}; the log has its trace"
        raise
    finally:
        run.finish(code, name, message)
        events.end()
    sys.exit(code)


if __name__ == "__main__":
    main()
