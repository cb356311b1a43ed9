"""``sims up``: everything that SIMS needs, on this machine, until Ctrl-C."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from sims_cli import backups, schema_stamp
from sims_cli.errors import StackError, Unsupported
from sims_cli.progress import Steps
from sims_cli.stack import (
    accounts,
    environment,
    leftovers,
    lock,
    pg_binaries,
    pg_runtime,
    ports,
    secret_files,
)
from sims_cli.stack.logfiles import LogPump
from sims_cli.stack.postgres import PostgresConfig, PostgresServer
from sims_cli.stack.services import (
    API_STOP,
    WORKER_STOP,
    BackupSchedule,
    MailCatcher,
    Service,
    script,
)
from sims_cli.stack.supervisor import StopRequested, Supervisor
from sims_cli.stack.up_settings import LOOPBACK, UpSettings
from sims_cli.stack.valkey import ValkeyConfig, ValkeyServer
from sims_cli.state import State

LEAST_DISK = 300 * 1024 * 1024  # bytes: an empty PostgreSQL, its log, some mails
SERVERS, MAIL, SERVICES = 0, 1, 2  # stages: stopped from the last to the first


class LocalStack:
    """One run of ``sims up``."""

    def __init__(
        self, state: State, settings: UpSettings, steps: Steps, *, students: int, verbose: bool
    ) -> None:
        self._state = state
        self._settings = settings
        self._steps = steps
        self._students = students
        self._verbose = verbose

    def run(self, when_up: Callable[[], None]) -> None:
        """Starts all parts, calls ``when_up``, and keeps them running until Ctrl-C or SIGTERM.

        Raises ``StackError`` with the way out; what had been started is stopped then.
        """
        _make_directories(self._state)
        with lock.hold(self._state.lock):
            self._clear_the_way()
            pump = LogPump(self._state.logs, self._steps.say, verbose=self._verbose)
            supervisor = Supervisor(self._state, pump, self._steps.say)
            try:
                with supervisor.signals():
                    self._run(supervisor, when_up)
            finally:
                pump.close()

    def _run(self, supervisor: Supervisor, when_up: Callable[[], None]) -> None:
        try:
            self._start(supervisor)
            when_up()
            supervisor.watch()
        except StopRequested:
            self._steps.say("sims", "stopping before everything was started")
        finally:
            with self._steps.step("Stop"):
                supervisor.stop()

    def _clear_the_way(self) -> None:
        old = leftovers.find(self._state)
        if old:
            with self._steps.step("Stop leftovers") as step:
                step.note = f"{leftovers.stop(old)} processes of a run that was killed"
        ports.check(self._settings.ports())

    def _start(self, supervisor: Supervisor) -> None:
        if self._settings.catches_mail:
            self._prepare_mail(supervisor)
        redis_url = self._start_valkey(supervisor)
        given = environment.given("SIMS_DATABASE_URL", os.environ)
        server = None if given else self._start_postgres(supervisor)
        url = server.url() if server else given
        environment.write(self._state, self._settings, database_url=url or "", redis_url=redis_url)
        secret_files.write(
            self._state.secrets / backups.URL_FILE, server.superuser_url() if server else url or ""
        )
        self._prepare_database(server)
        self._start_services(supervisor)

    def _prepare_database(self, server: PostgresServer | None) -> None:
        if server and (revision := schema_stamp.current(self._state, server)):
            with self._steps.step("Migrations") as step:
                step.note = f"at {revision}"
            return
        from sims_cli import first_run  # noqa: PLC0415 (most starts do not need SQLAlchemy)

        first_run.prepare(self._state, self._steps, students=self._students)

    def _start_postgres(self, supervisor: Supervisor) -> PostgresServer:
        with self._steps.step("PostgreSQL") as step:
            home = postgres_home(self._state)
            server = PostgresServer(
                PostgresConfig(
                    home=home,
                    superuser_password=self._state.secrets / "postgres-superuser-password",
                    password=self._state.secrets / "postgres-password",
                )
            )
            supervisor.start("postgres", server, stage=SERVERS)
            supervisor.wait_ready("postgres")
            step.note = server.description()
        return server

    def _start_valkey(self, supervisor: Supervisor) -> str:
        if given := environment.given("SIMS_REDIS_URL", os.environ):
            with self._steps.step("Valkey") as step:
                step.note = "yours: SIMS_REDIS_URL"
            return given
        with self._steps.step("Valkey"):
            server = ValkeyServer(ValkeyConfig(self._state.valkey))
            supervisor.start("valkey", server, stage=SERVERS)
            supervisor.wait_ready("valkey")
        return server.url()

    def _prepare_mail(self, supervisor: Supervisor) -> None:
        """The catcher needs no other part, so it starts while the servers do."""
        own = {
            "SIMS_MAIL_DIR": str(self._state.mail),
            "SIMS_SMTP_PORT": str(self._settings.smtp_port),
            "SIMS_MAIL_PAGE_PORT": str(self._settings.mail_page_port),
        }
        catcher = MailCatcher(
            {**environment.of_children(self._state), **own},
            smtp=self._settings.smtp_port,
            page=self._settings.mail_page_port,
        )
        supervisor.start("mail", catcher, stage=MAIL)

    def _start_services(self, supervisor: Supervisor) -> None:
        children = environment.of_children(self._state)
        api = Service(
            "api",
            [script("sims-api")],
            children,
            health_url=f"{self._settings.api_url}/api/health/",
            stop=API_STOP,
        )
        worker = Service(
            "worker",
            [script("sims-worker")],
            children,
            health_url=f"http://{LOOPBACK}:{self._settings.worker_side_port}/api/health/",
            stop=WORKER_STOP,
        )
        with self._steps.step("API, worker, mail"):
            supervisor.start("api", api, stage=SERVICES)
            supervisor.start("worker", worker, stage=SERVICES)
            if self._settings.catches_mail:
                supervisor.wait_ready("mail")
            supervisor.wait_ready("api")
            supervisor.wait_ready("worker")
        supervisor.start("backup", BackupSchedule(children), stage=SERVICES)


def postgres_home(state: State) -> Path:
    """In the state directory; elsewhere when the server's account cannot enter that.

    Data that is there already decides.
    """
    account = accounts.for_servers(state.postgres)
    inside = pg_binaries.data_version(state.postgres / "data") is not None
    if account is None or inside or accounts.can_reach(account, state.root):
        return state.postgres
    return pg_runtime.private_home(state.root) / "postgres"


def _make_directories(state: State) -> None:
    """Private folders in a root that other accounts may pass through, not list.

    Raises ``Unsupported`` when the place cannot be written or is full.
    """
    try:
        state.root.mkdir(mode=0o711, parents=True, exist_ok=True)
        state.root.chmod(0o711)
        for folder in (state.secrets, state.logs, state.mail):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StackError(f"The disk under {state.root} is full.") from error
        raise Unsupported(
            f"Cannot write {state.root}: {error.strerror}."
            " Set SIMS_HOME to a directory that you may write."
        ) from error
    free = shutil.disk_usage(state.root).free
    if free < LEAST_DISK:
        raise Unsupported(
            f"Only {free // 1_000_000} MB are free under {state.root};"
            f" SIMS needs at least {LEAST_DISK // 1_000_000} MB."
            " Free some space, or set SIMS_HOME to a directory on another disk."
        )
