"""Files that the runbook's own commands made: a dump, usually inside gzip.

What a file is, its first bytes say, never its name. Nobody vouches for it, so it is loaded
by a role of its own without rights beyond the new database.
"""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from psycopg import sql
from psycopg.conninfo import make_conninfo

from sims_backup.engine.context import Context
from sims_backup.engine.load import LOAD, OPTIONS, Gunzipped, analyze
from sims_backup.engine.plain_script import run_script
from sims_backup.engine.staging import Staging, require_space
from sims_backup.errors import Refused, SetNotFound
from sims_backup.invariants import broken
from sims_backup.postgres.clients import Client
from sims_backup.postgres.server import Connection, database_errors
from sims_backup.postgres.tools import run
from sims_backup.steps import effect
from sims_backup.storage.local import disk_errors
from sims_backup.streams import FileSource, Source, copy

_GZIP_MAGIC, _ARCHIVE_MAGIC = b"\x1f\x8b", b"PGDMP"
_TEXT = re.compile(
    rb"\A\s*(--|SET\s|CREATE\s|\\restrict\s|/\*|BEGIN|DROP\s|ALTER\s)", re.IGNORECASE
)


@dataclass(frozen=True)
class DumpFile:
    path: Path
    gzipped: bool
    kind: Literal["custom", "plain"]

    @property
    def label(self) -> str:
        return self.path.name


def locate(name: str, folder: Path) -> Path:
    """As the runbook's script: as given, else in the backup directory."""
    for path in (Path(name), folder / name):
        if path.is_file():
            return path
    raise SetNotFound(f"{name}: neither a file here nor in {folder}; see `sims-backup list`")


def inspect(path: Path) -> DumpFile:
    """Recognises the file by its content."""
    with disk_errors(path), FileSource(path) as file:
        gzipped = file.read(2) == _GZIP_MAGIC
    with opened(path, gzipped=gzipped) as source:
        head = source.read(4096)
    if head.startswith(_ARCHIVE_MAGIC):
        return DumpFile(path, gzipped, "custom")
    if _TEXT.match(head):
        return DumpFile(path, gzipped, "plain")
    raise Refused(
        f"{path.name} is no PostgreSQL dump: neither pg_dump -Fc nor -Fp, with or without gzip"
    )


@contextmanager
def opened(path: Path, *, gzipped: bool) -> Iterator[Source]:
    with disk_errors(path), FileSource(path) as file:
        yield Gunzipped(file, path.name) if gzipped else file


@dataclass(frozen=True)
class LoadRole:
    """A login that exists for one load; its password is random and never printed."""

    name: str
    password: str


def create_role(connection: Connection, restore_id: str) -> LoadRole:
    role = LoadRole(f"sims_restore_{restore_id}", secrets.token_urlsafe(24))
    encrypted = connection.pgconn.encrypt_password(
        role.password.encode(), role.name.encode(), b"scram-sha-256"
    ).decode()
    name = sql.Identifier(role.name)
    with effect("pg.role", role.name), database_errors("making the role that loads the file"):
        connection.execute(
            sql.SQL(
                "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
                " NOBYPASSRLS PASSWORD {} VALID UNTIL 'tomorrow'"
            ).format(name, sql.Literal(encrypted))
        )
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
    return role


def drop_role(connection: Connection, name: str) -> None:
    with effect("pg.role", name), database_errors("dropping the role that loaded the file"):
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def hand_over(context: Context, database: str, role: str, owner: str) -> None:
    """Everything the role made becomes the owner's."""
    query = sql.SQL("REASSIGN OWNED BY {} TO {}").format(
        sql.Identifier(role), sql.Identifier(owner)
    )
    with (
        context.server.connect(database) as connection,
        effect("pg.owner", database),
        database_errors("handing the restored objects over"),
    ):
        connection.execute(query)


def load_file(context: Context, dump: DumpFile, database: str, role: LoadRole) -> dict[str, int]:
    """Loads as ``role``; returns what was left out, by kind."""
    load = _script if dump.kind == "plain" else _archive
    with context.progress.stage(LOAD, dump.path.stat().st_size):
        skipped = load(context, dump, database, role)
    analyze(context, context.dump_client(), database, _environment(context, database, role))
    return skipped


def broken_invariants(context: Context, database: str, role: LoadRole) -> list[str]:
    """Of a file without a manifest: only those with a value of their own can fail."""
    with context.server.connect(
        database, user=role.name, password=role.password, options=OPTIONS
    ) as connection:
        return broken(connection, context.checks, None)


def _environment(context: Context, database: str, role: LoadRole) -> dict[str, str]:
    return context.server.environment(
        database, options=OPTIONS, user=role.name, password=role.password
    )


def _script(context: Context, dump: DumpFile, database: str, role: LoadRole) -> dict[str, int]:
    with (
        opened(dump.path, gzipped=dump.gzipped) as source,
        context.server.connect(
            database, user=role.name, password=role.password, options=OPTIONS
        ) as connection,
    ):
        return run_script(connection, source, dump.label, restricted=True)


def _archive(context: Context, dump: DumpFile, database: str, role: LoadRole) -> dict[str, int]:
    with (
        _seekable(context, dump) as path,
        Staging(context.settings.backup_staging_dir) as staging,
    ):
        client = _client(context, path)
        wanted = staging.path / "list"
        skipped = _without_extension_comments(client, path, wanted)
        argv = [
            client.tool("pg_restore"),
            f"--dbname={make_conninfo('', dbname=database)}",
            *("--exit-on-error", "--no-password", "--no-owner", "--no-acl"),
            f"--use-list={wanted}",
            f"--jobs={context.settings.backup_jobs}",
            str(path),
        ]
        with effect("pg.restore", dump.label):
            run(argv, _environment(context, database, role), context.deadline)
    return skipped


@contextmanager
def _seekable(context: Context, dump: DumpFile) -> Iterator[Path]:
    """pg_restore -j needs a file it can jump in."""
    if not dump.gzipped:
        yield dump.path
        return
    with Staging(context.settings.backup_staging_dir) as staging:
        require_space(str(staging.path), dump.path.stat().st_size, "unpacking the dump")
        path = staging.path / "archive.dump"
        with (
            opened(dump.path, gzipped=True) as source,
            effect("fs.write", path.name),
            path.open("xb") as sink,
        ):
            copy(source, sink)
        yield path


def _client(context: Context, path: Path) -> Client:
    """A client that reads the archive; as new as the server when there is such a one."""
    major = context.server_facts.major
    for client in sorted(context.clients, key=lambda c: (c.major < major, c.major, not c.zstd)):
        if _reads(client, path):
            return client
    raise Refused(
        f"{path.name} was made by a newer pg_dump than any pg_restore here; install a newer "
        "client and name its directory in SIMS_PG_BIN_DIR"
    )


def _reads(client: Client, path: Path) -> bool:
    return _list(client, path).returncode == 0


def _list(client: Client, path: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603  fixed tool, own file
        [client.tool("pg_restore"), "--list", str(path)],
        capture_output=True,
        timeout=300,
        check=False,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )


def _without_extension_comments(client: Client, path: Path, wanted: Path) -> dict[str, int]:
    """The archive's list less what only an extension's owner may set; counts what is left out."""
    lines = _list(client, path).stdout.splitlines(keepends=True)
    kept = [line for line in lines if b" COMMENT - EXTENSION " not in line]
    wanted.write_bytes(b"".join(kept))
    grants = sum(1 for line in kept if b" ACL " in line)
    found = {"comments of extensions": len(lines) - len(kept), "privileges": grants}
    return {what: number for what, number in found.items() if number}
