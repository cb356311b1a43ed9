"""TCP ports: free, or whose they are."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

import psutil

from sims_cli.errors import StackError


class PortInUse(StackError):
    code = "PORT_IN_USE"
    title = "A port is in use"


@dataclass(frozen=True)
class Port:
    """What listens on ``host:number`` and the variable that changes the number."""

    purpose: str
    variable: str
    host: str
    number: int


def check(ports: list[Port]) -> None:
    """Raises ``PortInUse`` that names each port, its holder and the variable to change it."""
    taken = [port for port in ports if not _free(port)]
    if not taken:
        return
    lines = [
        f"Port {port.number} ({port.purpose}) is in use by {_holder(port.number)}."
        f" End that process, or choose another port: {port.variable}=<number> sims up"
        for port in taken
    ]
    raise PortInUse("\n".join(lines))


def _free(port: Port) -> bool:
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise PortInUse(
                f"Port {port.number} ({port.purpose}) cannot be used: {error.strerror}."
                f" Choose another one: {port.variable}=<number> sims up"
            ) from error
    return True


def _holder(number: int) -> str:
    """Name and id of the listening process, as far as this account may see them."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS: only root sees all of them
        connections = []
    for found in connections:
        if found.status == psutil.CONN_LISTEN and found.pid and number in found.laddr:
            return _describe(found.pid)
    return "a process of another account"


def _describe(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return f"{process.name()} (process {pid}: {' '.join(process.cmdline())[:120]})"
    except psutil.Error:
        return f"process {pid}"
