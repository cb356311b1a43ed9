"""The processes of SIMS itself: API, worker and mail catcher."""

from __future__ import annotations

import signal
import socket
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import override

from sims_cli import web
from sims_cli.errors import Unsupported
from sims_cli.stack.process import Command, Stop

API_STOP: tuple[Stop, ...] = ((signal.SIGTERM, 12.0), (signal.SIGKILL, 5.0))
WORKER_STOP: tuple[Stop, ...] = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))
MAIL_STOP: tuple[Stop, ...] = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


class Service:
    """A process that answers ``GET health_url`` with 200 once it works."""

    start_timeout = 60.0  # seconds

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        health_url: str,
        stop: Sequence[Stop],
    ) -> None:
        self._command = Command(name=name, argv=argv, env=environment, stop=stop)
        self._health_url = health_url

    def prepare(self) -> Command:
        return self._command

    def ready(self) -> bool:
        return web.get(self._health_url, timeout=5).status == web.OK

    def after_start(self) -> None:
        """Nothing is left to do."""


class MailCatcher(Service):
    """Ready when its page and its SMTP port both answer."""

    def __init__(self, environment: Mapping[str, str], *, smtp: int, page: int) -> None:
        super().__init__(
            "mail",
            [sys.executable, "-m", "sims_cli.mail_catcher"],
            environment,
            health_url=f"http://127.0.0.1:{page}/healthz",
            stop=MAIL_STOP,
        )
        self._smtp = smtp

    @override
    def ready(self) -> bool:
        return super().ready() and _speaks_smtp(self._smtp)


class BackupSchedule(Service):
    """Has no port: that it runs is all there is to ask."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(
            "backup",
            [sys.executable, "-m", "sims_cli.backup_schedule"],
            environment,
            health_url="",
            stop=MAIL_STOP,
        )

    @override
    def ready(self) -> bool:
        return True


def script(name: str) -> str:
    """Path of a console script of this environment.

    Raises ``Unsupported`` when it is not installed.
    """
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.is_file():
        raise Unsupported(f"{path} is missing. Run `make setup` in the checkout of SIMS.")
    return str(path)


def _speaks_smtp(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return connection.recv(4) == b"220 "
    except OSError:
        return False
