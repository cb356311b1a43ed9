"""No secret in any command line, log line, manifest or message."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pyrage  # type: ignore[import-untyped]  # no types shipped
import pytest
from pydantic import SecretStr
from typing_extensions import override

from sims_backup.engine.backup import take_backup
from sims_backup.engine.context import Context
from sims_backup.engine.drill import drill
from sims_backup.engine.foreign import inspect
from sims_backup.engine.restore import Request, restore
from sims_backup.errors import BackupError
from sims_backup.settings import BackupSettings
from sims_backup.testing.postgres import TestServer, binaries, client_of
from sims_backup.testing.s3 import S3Server

PASSWORD = "canary-Pa55word-of-the-database"


class Watcher(threading.Thread):
    """Reads every command line on this machine again and again."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self.rounds = 0
        self._over = threading.Event()

    @override
    def run(self) -> None:
        while not self._over.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    continue
            self.rounds += 1

    def stop(self) -> None:
        self._over.set()
        self.join()


@pytest.fixture(scope="module")
def guarded() -> Iterator[TestServer]:
    """A server that asks for a password."""
    folder = binaries(17)
    assert folder is not None
    server = TestServer(folder)
    server.start()
    server.run("postgres", f"CREATE ROLE operator LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    rules = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    (server.data / "pg_hba.conf").write_text(rules)
    server.run("postgres", "SELECT pg_reload_conf()", "CREATE DATABASE school")
    server.run("school", "CREATE TABLE student AS SELECT n AS id FROM generate_series(1, 5000) n")
    yield server
    server.stop()


def runbook_dump(server: TestServer, folder: Path) -> Path:
    client = client_of(17)
    assert client is not None
    path = folder / "runbook.dump"
    argv = [client.tool("pg_dump"), "-Fc", server.url("school")]
    path.write_bytes(subprocess.run(argv, capture_output=True, check=True).stdout)
    return path


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs Linux's /proc")
def test_nothing_secret_is_ever_visible(
    guarded: TestServer,
    s3_server: S3Server,
    bucket: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    identity = pyrage.x25519.Identity.generate()
    settings = BackupSettings(
        **{
            **s3_server.settings(),
            "database_url": SecretStr(guarded.url("school", user="operator", password=PASSWORD)),
            "backup_targets": f"s3://{bucket}/x",
            "backup_staging_dir": str(tmp_path),
            "backup_recipients": str(identity.to_public()),
            "backup_identity": SecretStr(str(identity)),
            "backup_split_size": 10_000,
            "restore_migrate_command": "env",
        }
    )
    dump = runbook_dump(guarded, tmp_path)
    messages: list[str] = []
    watcher = Watcher()
    watcher.start()
    try:
        for _ in range(3):
            with Context.open(settings) as context:
                set_id = take_backup(context).id
                stored = context.repository.find(set_id)
                assert drill(context, stored).passed
                restore(context, Request(stored.manifest, safety_backup=False))
                restore(context, Request(None, inspect(dump), into=f"file_{len(messages)}"))
                messages.append(stored.manifest.model_dump_json())
        for broken in (
            {"database_url": SecretStr(guarded.url("none", user="operator", password=PASSWORD))},
            {"database_url": SecretStr(f"postgresql://operator:{PASSWORD}x@127.0.0.1:1/a")},
            {"s3_access_key_id": "nobody"},
        ):
            wrong = settings.model_copy(update=broken)
            with pytest.raises(BackupError) as caught, Context.open(wrong) as context:
                take_backup(context)
            messages += [str(caught.value), repr(caught.value), caught.value.detail]
    finally:
        watcher.stop()
    assert watcher.rounds > 20
    assert any(b"pg_dump" in line for line in watcher.seen)
    assert any(b"pg_restore" in line for line in watcher.seen)
    output = capfd.readouterr()
    public = b"\0".join(watcher.seen).decode(errors="replace")
    text = "\n".join([public, *messages, caplog.text, output.out, output.err, repr(settings)])
    for secret in (PASSWORD, s3_server.secret, str(identity)):
        assert secret not in text
    assert list(tmp_path.glob("sims-backup-*")) == []
