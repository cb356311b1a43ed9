"""Loading a set into an empty database, as fast as its format allows."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import make_conninfo

from sims_backup.contract.manifest import Chunk, Manifest
from sims_backup.encryption import SUFFIX
from sims_backup.engine.context import Context
from sims_backup.engine.plain_script import run_script
from sims_backup.engine.reader import open_object
from sims_backup.engine.staging import Staging, require_space
from sims_backup.engine.verify import check_objects
from sims_backup.errors import NotProven, ObjectDamaged
from sims_backup.parallel import Workers
from sims_backup.postgres.clients import Client
from sims_backup.postgres.tools import Tool, run
from sims_backup.steps import effect
from sims_backup.storage.local import LocalStorage, disk_errors
from sims_backup.streams import BLOCK, Source, Unzstd, copy

LOAD = "load"
# The swap's commit flushes everything before it, so commits of the load need not wait.
OPTIONS = "-c synchronous_commit=off -c maintenance_work_mem=256MB -c statement_timeout=0"
_GZIP = 16 + zlib.MAX_WBITS


class Gunzipped:
    """Decompresses gzip, several members in a row too; a cut file is an error."""

    def __init__(self, source: Source, name: str) -> None:
        self._source, self._name = source, name
        self._codec = zlib.decompressobj(_GZIP)
        self._raw = b""
        self._ended = False

    def read(self, size: int = BLOCK, /) -> bytes:
        while True:
            if self._codec.eof and not self._next_member():
                return b""
            if not self._raw and not self._ended:
                self._raw = self._source.read(BLOCK)
                self._ended = not self._raw
            try:
                made = self._codec.decompress(self._raw, size)
            except zlib.error as error:
                raise ObjectDamaged(f"{self._name}: not valid gzip data ({error})") from error
            self._raw = self._codec.unconsumed_tail
            if made:
                return made
            if self._ended and not self._codec.eof:
                raise ObjectDamaged(f"{self._name}: ends within compressed data; it was cut")

    def _next_member(self) -> bool:
        self._raw = self._codec.unused_data or self._source.read(BLOCK)
        if not self._raw:
            self._source.read(BLOCK)  # lets a checked source compare itself
            return False
        self._codec = zlib.decompressobj(_GZIP)
        return True


class Loader:
    """Loads one set into the database ``name``; the caller drops it after a failure."""

    def __init__(self, context: Context, manifest: Manifest, name: str) -> None:
        self._context, self._manifest, self._name = context, manifest, name
        self._client: Client = context.restore_client(manifest)
        self._jobs = context.settings.backup_jobs
        self._environment = context.server.environment(name, options=OPTIONS)

    def run(self) -> None:
        expected = self._manifest.size
        with self._context.progress.stage(LOAD, expected):
            match self._manifest.format:
                case "directory":
                    self._directory()
                case "custom":
                    self._custom()
                case "plain":
                    self._plain()
        analyze(self._context, self._client, self._name, self._environment)

    def _directory(self) -> None:
        with self._files("db/") as files:
            self._pg_restore(files, "--section=pre-data")
            with Workers(self._jobs, self._context.deadline, "load") as crew:
                chunks = [
                    crew.submit(lambda c=chunk: self._chunk(c))  # type: ignore[misc]  # mypy can't infer a lambda with a default
                    for chunk in self._manifest.chunks
                ]
                self._pg_restore(files, "--section=data", f"--jobs={self._jobs}")
                for future in chunks:
                    crew.wait(future)
            self._pg_restore(files, "--section=post-data", f"--jobs={self._jobs}")

    def _custom(self) -> None:
        with self._files(self._manifest.id) as folder:
            self._pg_restore(folder / f"{self._manifest.id}.dump", f"--jobs={self._jobs}")

    def _plain(self) -> None:
        key = self._manifest.objects[0].key
        key = next(o.key for o in self._manifest.objects if ".sql.gz" in o.key) or key
        with (
            open_object(self._context, self._manifest, key, LOAD) as source,
            self._context.server.connect(self._name, options=OPTIONS) as connection,
        ):
            run_script(connection, Gunzipped(source, key), key, restricted=False)

    def _pg_restore(self, archive: Path, *arguments: str) -> None:
        argv = [
            self._client.tool("pg_restore"),
            f"--dbname={make_conninfo('', dbname=self._name)}",
            "--exit-on-error",
            "--no-password",
            *arguments,
            str(archive),
        ]
        with effect("pg.restore", arguments[0]):
            run(argv, self._environment, self._context.deadline)

    def _chunk(self, chunk: Chunk) -> None:
        columns = ", ".join('"' + name.replace('"', '""') + '"' for name in chunk.columns)
        encoding = self._manifest.database.encoding
        argv = [
            *(self._client.tool("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"),
            *("-c", f"SET client_encoding = '{encoding}'"),
            *("-c", f"COPY {chunk.table} ({columns}) FROM STDIN"),
        ]
        with (
            effect("pg.copy", chunk.key),
            open_object(self._context, self._manifest, chunk.key, LOAD) as source,
            Tool(argv, self._environment, self._context.deadline, stdin=subprocess.PIPE) as tool,
        ):
            try:
                copy(Unzstd(source, chunk.key), tool.input)
                _drain_rest(source)
                tool.input.close()
            except BrokenPipeError:
                tool.finish()  # says why psql went away
                raise
            tool.finish()

    @contextmanager
    def _files(self, prefix: str) -> Iterator[Path]:
        """The objects with that prefix as files: in place when they lie here in the clear."""
        storage, manifest = self._context.storage, self._manifest
        wanted = [item for item in manifest.objects if item.key.startswith(prefix)]
        inner = prefix.rstrip("/") if prefix.endswith("/") else ""
        if isinstance(storage, LocalStorage) and manifest.encryption is None:
            items = [(f"{manifest.id}/{o.key}", o.size, o.sha256) for o in wanted]
            if problems := check_objects(self._context, items):
                raise NotProven("; ".join(problems[:5]))
            yield storage.path(f"{manifest.id}/{inner}" if inner else manifest.id)
            return
        parent = self._context.settings.backup_staging_dir
        with Staging(parent) as staging:
            require_space(str(staging.path), sum(item.size for item in wanted), "the restore")
            (staging.path / inner).mkdir(exist_ok=True)
            with Workers(self._jobs, self._context.deadline, "download") as crew:
                for _ in crew.map(
                    lambda key: self._download(key, staging.path), [o.key for o in wanted]
                ):
                    self._context.deadline.check()
            yield staging.path / inner

    def _download(self, key: str, folder: Path) -> None:
        path = folder / key.removesuffix(SUFFIX)
        with (
            open_object(self._context, self._manifest, key, LOAD) as source,
            disk_errors(path),
            effect("fs.write", path.name),
            path.open("xb") as sink,
        ):
            copy(source, sink)


def analyze(context: Context, client: Client, name: str, environment: dict[str, str]) -> None:
    """Statistics, without which the first queries after a restore would be slow."""
    jobs = f"--jobs={context.settings.backup_jobs}"
    argv = [client.tool("vacuumdb"), "--analyze-only", jobs, "--quiet", "--no-password"]
    database = f"--dbname={make_conninfo('', dbname=name)}"
    with context.progress.stage("analyze"), effect("pg.analyze", name):
        run([*argv, database], environment, context.deadline)


def _drain_rest(source: Source) -> None:
    """Reads to the end, where the hash is compared."""
    while source.read(BLOCK):
        pass
