"""Valkey, sockets, secrets, ports, locks and the state directory."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from sims_cli import state
from sims_cli.errors import Unsupported
from sims_cli.stack import lock, ports, secret_files, sockets
from sims_cli.stack.valkey import ValkeyConfig, ValkeyServer


@pytest.fixture
def base() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="sims-small-"))
    yield path
    shutil.rmtree(path)


def test_valkey_keeps_what_it_has_after_a_kill(base: Path) -> None:
    server = ValkeyServer(ValkeyConfig(base / "valkey", settings={"appendfsync": "always"}))
    with server, Redis.from_url(server.url()) as client:
        client.set("job", "1")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
    with server, Redis.from_url(server.url()) as client:
        assert client.get("job") == b"1"


def test_valkey_comes_back_empty_when_its_data_is_gone(base: Path) -> None:
    server = ValkeyServer(ValkeyConfig(base / "valkey"))
    with server, Redis.from_url(server.url()) as client:
        client.set("job", "1")
    shutil.rmtree(base / "valkey")
    with server, Redis.from_url(server.url()) as client:
        assert client.dbsize() == 0


def test_valkey_listens_on_a_private_socket_only(base: Path) -> None:
    with ValkeyServer(ValkeyConfig(base / "val key")) as server:
        assert server.socket.stat().st_mode & 0o777 == 0o700
        with Redis(unix_socket_path=str(server.socket)) as client:
            assert client.config_get("port") == {"port": "0"}
            assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_a_long_path_gets_a_short_private_stand_in(base: Path) -> None:
    wanted = base / ("d" * 120) / "run"
    found = sockets.directory(wanted, "valkey.sock")
    try:
        assert len(os.fsencode(found / "valkey.sock")) <= sockets.LONGEST
        assert found.stat().st_mode & 0o777 == 0o700
        assert sockets.directory(wanted, "valkey.sock") == found
    finally:
        found.rmdir()


def test_a_stand_in_that_is_a_link_is_refused(base: Path) -> None:
    wanted = base / ("d" * 120) / "run"
    found = sockets.directory(wanted, "valkey.sock")
    found.rmdir()
    found.symlink_to(base)
    try:
        with pytest.raises(Unsupported, match="belongs to somebody else"):
            sockets.directory(wanted, "valkey.sock")
    finally:
        found.unlink()


def test_a_secret_is_made_once_and_private(base: Path) -> None:
    path = base / "secrets" / "key"
    first = secret_files.ensure(path)
    assert len(first) >= 32
    assert secret_files.ensure(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["key"]


def test_a_port_in_use_is_named_with_its_holder_and_variable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(ports.PortInUse) as refused:
            ports.check([ports.Port("API", "SIMS_API_PORT", "127.0.0.1", number)])
    message = str(refused.value)
    assert f"Port {number} (API)" in message
    assert f"process {os.getpid()}" in message
    assert "SIMS_API_PORT=<number>" in message
    ports.check([ports.Port("API", "SIMS_API_PORT", "127.0.0.1", number)])


def test_one_holder_of_a_lock_at_a_time(base: Path) -> None:
    path = base / "up.lock"
    assert lock.holder(path) is None
    with lock.hold(path):
        assert lock.holder(path) == os.getpid()
        with pytest.raises(lock.AlreadyRunning, match="sims down"), lock.hold(path):
            pass
    assert lock.holder(path) is None


def test_the_state_is_in_sims_home_or_the_checkout(base: Path) -> None:
    assert state.find({"SIMS_HOME": str(base)}).root == base.resolve()
    (base / "pyproject.toml").write_text(f"[project]\n{state.WORKSPACE}\n")
    inner = base / "services" / "api"
    inner.mkdir(parents=True)
    assert state.find({}, cwd=inner).root == base.resolve() / ".sims"


def test_the_environment_file_is_read_as_a_shell_would(base: Path) -> None:
    found = state.State(base)
    assert found.environment() == {}
    found.environment_file.write_text("SIMS_MAIL_FROM='SIMS <a@b.example>'\nSIMS_API_PORT=1\n")
    assert found.environment() == {"SIMS_MAIL_FROM": "SIMS <a@b.example>", "SIMS_API_PORT": "1"}


def test_a_set_variable_wins_over_the_local_installation(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SIMS_DATABASE_URL", "SIMS_DATABASE_URL_FILE", "SIMS_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIMS_API_PORT", "7")
    found = state.State(base)
    found.environment_file.write_text("SIMS_REDIS_URL_FILE=/r\nSIMS_API_PORT=1\n")
    monkeypatch.setenv("SIMS_REDIS_URL_FILE", "")
    monkeypatch.delenv("SIMS_REDIS_URL_FILE")
    assert state.use_local_installation(found)
    assert (os.environ["SIMS_API_PORT"], os.environ["SIMS_REDIS_URL_FILE"]) == ("7", "/r")
    monkeypatch.setenv("SIMS_DATABASE_URL", "postgresql://elsewhere/db")
    assert not state.use_local_installation(found)
