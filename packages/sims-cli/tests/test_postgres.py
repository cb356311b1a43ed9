"""The PostgreSQL launcher, as root and as an ordinary user, with real servers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sims_cli.errors import StartFailed, Unsupported
from sims_cli.stack import pg_binaries, pg_runtime
from sims_cli.stack.accounts import Account, can_reach, named
from sims_cli.stack.postgres import PostgresConfig, PostgresServer
from sims_cli.testing import eventually

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="changes accounts")


@contextmanager
def folder() -> Iterator[Path]:
    """Short, and open to other accounts, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="sims-pg-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def base() -> Iterator[Path]:
    with folder() as path:
        yield path


@pytest.fixture(scope="module")
def running() -> Iterator[PostgresServer]:
    """For the tests that only look."""
    with folder() as path, PostgresServer(config(path)) as server:
        yield server


def config(base: Path) -> PostgresConfig:
    secrets = base / "secrets"
    return PostgresConfig(
        home=base / "postgres",
        superuser_password=secrets / "superuser",
        password=secrets / "role",
        durable=False,
    )


def test_data_survives_a_stop_and_a_kill(base: Path) -> None:
    server = PostgresServer(config(base))
    with server, server.connect("sims") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    server.start(base / "log")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    eventually(lambda: not psutil.pid_exists(_postmaster(server)) or _ended(_postmaster(server)))
    with server, server.connect("sims") as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_nothing_listens_on_tcp_and_passwords_are_checked(running: PostgresServer) -> None:
    with running.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW password_encryption").fetchone() == ("scram-sha-256",)
        methods = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules")
        assert methods.fetchall() == [("scram-sha-256",)]
    assert running.socket_dir.stat().st_mode & 0o777 == 0o700


def test_no_secret_is_in_a_command_line_or_open_to_others(running: PostgresServer) -> None:
    settings = running.config
    secrets = [p.read_text().strip() for p in (settings.password, settings.superuser_password)]
    command = " ".join(psutil.Process(running.pid).cmdline())
    assert not any(secret in command for secret in secrets)
    assert settings.password.stat().st_mode & 0o777 == 0o600
    assert not (settings.home / "superuser-password").exists()


def test_a_foreign_password_file_is_named(running: PostgresServer, tmp_path: Path) -> None:
    wrong = tmp_path / "superuser"
    wrong.write_text("another\n")
    server = PostgresServer(replace(running.config, superuser_password=wrong))
    with pytest.raises(StartFailed, match="sims reset"):
        server.ready()


def test_data_of_another_major_is_refused(base: Path) -> None:
    data = base / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(Unsupported, match="PostgreSQL 9, and only that version"):
        PostgresServer(config(base)).prepare()


def test_neither_a_killed_initdb_nor_a_reused_process_id_stops_a_start(base: Path) -> None:
    server = PostgresServer(config(base))
    draft = base / "postgres" / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("17\n")  # what a killed initdb left
    server.prepare()
    assert not draft.exists()
    pid_file = server.data_dir / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{server.data_dir}\n1\n")
    with server, server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_start_that_fails_shows_the_log(base: Path) -> None:
    settings = config(base)
    wrong = replace(settings, settings={"shared_buffers": "nonsense"})
    with pytest.raises(StartFailed, match="nonsense"):
        PostgresServer(wrong).start(base / "log")


@root_only
def test_root_runs_it_as_another_account(running: PostgresServer) -> None:
    assert running.account is not None
    assert running.account.uid != 0
    assert psutil.Process(running.pid).uids().effective == running.account.uid
    assert running.data_dir.stat().st_uid == running.account.uid


@root_only
def test_unreachable_binaries_are_copied_once(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = _account()
    monkeypatch.setattr(pg_runtime, "SHARED", base / "shared")
    wheel = next(b for b in pg_binaries.installed() if b.origin == "wheel")
    hidden = base / "private" / "pginstall"
    shutil.copytree(wheel.directory.parent, hidden, symlinks=True)
    hidden.parent.chmod(0o700)
    unreachable = pg_binaries.Binaries(hidden / "bin", wheel.major, wheel.version, "wheel")
    assert not can_reach(nobody, hidden / "bin" / "postgres")
    copied = pg_runtime.reachable(unreachable, nobody)
    assert can_reach(nobody, copied.directory / "postgres")
    inode = (copied.directory / "postgres").stat().st_ino
    assert pg_runtime.reachable(unreachable, nobody) == copied
    assert (copied.directory / "postgres").stat().st_ino == inode


@root_only
def test_a_private_state_directory_is_refused_with_the_way_out(base: Path) -> None:
    base.chmod(0o700)
    with pytest.raises(Unsupported, match="SIMS_HOME"):
        PostgresServer(config(base)).prepare()


AS_USER = """
import os, sys
from pathlib import Path
from sims_cli.stack.postgres import PostgresConfig, PostgresServer
from sims_cli.testing import eventually
from sims_cli.stack import pg_binaries, postgres, process, sockets
uid, gid, base = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
os.setgroups([]); os.setgid(gid); os.setuid(uid)
secrets = base / "secrets"
server = PostgresServer(PostgresConfig(base / "postgres", secrets / "a", secrets / "b"))
with server, server.connect("sims") as connection:
    print(server.account, connection.execute("SELECT current_user").fetchone()[0])
"""


@root_only
def test_an_ordinary_user_runs_it_as_itself(base: Path) -> None:
    nobody = _account()
    home = base / "home"
    home.mkdir()
    os.chown(home, nobody.uid, nobody.gid)
    done = subprocess.run(
        [sys.executable, "-c", AS_USER, str(nobody.uid), str(nobody.gid), str(home)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "cannot execute" in done.stderr or not _reaches_wheel(nobody):
        pytest.skip("the checkout is closed to other accounts")
    assert done.stdout.strip() == "None postgres", done.stderr
    assert (home / "postgres" / "data").stat().st_uid == nobody.uid


def _account() -> Account:
    found = named("nobody")
    assert found is not None
    return found


def _reaches_wheel(account: Account) -> bool:
    return any(can_reach(account, b.directory / "postgres") for b in pg_binaries.installed())


def _postmaster(server: PostgresServer) -> int:
    return int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])


def _ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
