"""A PostgreSQL server of our own: on a Unix socket only, with passwords, in one directory."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql
from typing_extensions import override

from sims_cli.errors import StartFailed, Unsupported
from sims_cli.stack import pg_binaries, pg_runtime, secret_files, sockets
from sims_cli.stack.accounts import Account, can_reach, for_servers, private_directory
from sims_cli.stack.process import Command
from sims_cli.stack.server import LocalServer

STATUS_LINE = 7  # of postmaster.pid, counted from 0 (PostgreSQL: miscadmin.h)
PORT = 5432  # no TCP port: part of the socket's name
SOCKET = f".s.PGSQL.{PORT}"
SUPERUSER = "postgres"
ROLE = "sims"
DATABASE = "sims"
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
BUILTIN_LOCALE_SINCE = 17
STOP = (
    (signal.SIGINT, 15.0),  # fast shutdown: roll back, write a checkpoint
    (signal.SIGQUIT, 5.0),  # immediate shutdown: recovery at the next start
    (signal.SIGKILL, 5.0),
)


@dataclass(frozen=True)
class PostgresConfig:
    """``home`` holds ``data/`` and ``run/`` (the socket) and belongs to the server's account.

    ``superuser_password`` and ``password`` (of the role ``sims``, which owns the database)
    are files of mode 0600, made when they are missing. ``durable=False`` is for tests.
    """

    home: Path
    superuser_password: Path
    password: Path
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)


class PostgresServer(LocalServer):
    """See ``PostgresConfig``. ``binaries`` and ``account`` are known after ``prepare``."""

    def __init__(self, config: PostgresConfig) -> None:
        super().__init__(config.home)
        self.config = config
        self.data_dir = config.home / "data"
        self.socket_dir = config.home / "run"
        self.binaries: pg_binaries.Binaries | None = None
        self.account: Account | None = None

    @override
    def prepare(self) -> Command:
        account = self.account = for_servers(self.home)
        private_directory(self.home, account)
        if account is not None and not can_reach(account, self.home):
            raise Unsupported(
                f"The account {account.name}, as which PostgreSQL runs, cannot enter {self.home}."
                " Set SIMS_HOME to a directory that it can."
            )
        chosen = pg_binaries.choose(
            pg_binaries.installed(), pg_binaries.data_version(self.data_dir), self.data_dir
        )
        self.binaries = pg_runtime.reachable(chosen, account)
        if pg_binaries.data_version(self.data_dir) is None:
            self._initialise(self.binaries)
        self.socket_dir = sockets.directory(self.home / "run", SOCKET, account)
        self._forget_reused_pid()
        return Command(
            name="postgres",
            argv=[self.binaries.tool("postgres"), "-D", str(self.data_dir), *self._options()],
            env=_environment(),
            account=account,
            stop=STOP,
        )

    @override
    def ready(self) -> bool:
        if not self._says_ready():  # asking earlier would put refusals into its log
            return False
        try:
            self.connect().close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StartFailed(
                    f"{self.config.superuser_password} is not the password of the data in"
                    f" {self.data_dir}. Put the right file back, or start anew: `sims reset`."
                ) from error
            return False
        return True

    @override
    def after_start(self) -> None:
        """Makes the role ``sims`` and its database, once."""
        password = secret_files.ensure(self.config.password)
        with self.connect() as connection:
            hashed = connection.pgconn.encrypt_password(
                password.encode(), ROLE.encode(), b"scram-sha-256"
            )
            exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
            verb = "ALTER" if exists.fetchone() else "CREATE"
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                    sql.SQL(verb), sql.Identifier(ROLE), sql.Literal(hashed.decode())
                )
            )
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if found.fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(ROLE)
                    )
                )

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection of the superuser in autocommit mode."""
        return psycopg.connect(
            host=str(self.socket_dir),
            port=PORT,
            user=SUPERUSER,
            password=secret_files.ensure(self.config.superuser_password),
            dbname=database,
            connect_timeout=5,
            autocommit=True,
        )

    def url(self, database: str = DATABASE) -> str:
        """The URL of the application's role, with its password."""
        password = quote(secret_files.ensure(self.config.password), safe="")
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{ROLE}:{password}@/{database}?host={host}&port={PORT}"

    def superuser_url(self, database: str = DATABASE) -> str:
        """The URL for who makes and drops databases: backups and restores."""
        password = quote(secret_files.ensure(self.config.superuser_password), safe="")
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{SUPERUSER}:{password}@/{database}?host={host}&port={PORT}"

    def description(self) -> str:
        """What runs, where its data is, and as whom, in one line."""
        if self.binaries is None:
            return "not prepared"
        parts = [f"{self.binaries.version} ({self.binaries.origin}), data in {self.data_dir}"]
        if self.account is not None:
            parts.append(f"runs as {self.account.name}")
        if self.binaries.directory.is_relative_to(pg_runtime.SHARED):
            parts.append(f"from a copy in {self.binaries.directory.parent}, which it can reach")
        return "; ".join(parts)

    def _forget_reused_pid(self) -> None:
        """Removes a ``postmaster.pid`` whose process id now belongs to another program.

        PostgreSQL only sees that the process lives, and would refuse to start: the usual
        case after a power cut, and in a container after a crash.
        """
        file = self.data_dir / "postmaster.pid"
        try:
            pid = int(file.read_text(encoding="utf-8").splitlines()[0])
            name = psutil.Process(pid).name()
        except (FileNotFoundError, psutil.NoSuchProcess, IndexError, ValueError):
            return
        if name != "postgres" and not sockets.answers(self.socket_dir / SOCKET):
            file.unlink()

    def _says_ready(self) -> bool:
        """What pg_ctl looks at: the eighth line of ``postmaster.pid``."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return lines[STATUS_LINE:] != [] and lines[STATUS_LINE].strip() == "ready"

    def _options(self) -> list[str]:
        quoted = str(self.socket_dir).replace('"', '""')
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{quoted}"',
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "lc_messages": "C",
            **({} if self.config.durable else NOT_DURABLE),
            **self.config.settings,
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _initialise(self, binaries: pg_binaries.Binaries) -> None:
        """Runs initdb beside the data directory and renames the finished one into place."""
        draft, password_file = self.home / "data.new", self.home / "superuser-password"
        shutil.rmtree(draft, ignore_errors=True)
        secret_files.write(password_file, secret_files.ensure(self.config.superuser_password))
        try:
            if self.account is not None:
                os.chown(password_file, self.account.uid, self.account.gid)
            self._run_initdb(binaries, draft, password_file)
        finally:
            password_file.unlink()
        if self.data_dir.is_dir():
            self.data_dir.rmdir()  # raises when anything is in it
        draft.rename(self.data_dir)

    def _run_initdb(
        self, binaries: pg_binaries.Binaries, target: Path, password_file: Path
    ) -> None:
        done = subprocess.run(  # noqa: S603 (paths chosen above, no shell)
            [
                binaries.tool("initdb"),
                f"--pgdata={target}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *_locale(binaries.major),
                *([] if self.config.durable else ["--no-sync"]),
            ],
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
            cwd="/",
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StartFailed(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")


def _locale(major: int) -> list[str]:
    """UTF-8 order and case rules that do not change with the system's C library."""
    system = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    if major < BUILTIN_LOCALE_SINCE:
        return ["--locale-provider=libc", f"--locale={system}"]
    return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", f"--locale={system}"]


def _environment() -> dict[str, str]:
    """Nothing of the caller's: a stray PGDATA or PGOPTIONS must not reach the server."""
    return {"PATH": "/usr/bin:/bin", "TZ": "UTC"}
