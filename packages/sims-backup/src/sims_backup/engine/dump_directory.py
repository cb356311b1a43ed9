"""Directory format: pg_dump for the small tables, streamed page ranges for the large.

pg_dump gives one table to one worker, so the largest table alone decides its time; and it
needs a disk for what it writes. Page ranges of a large table are read in parallel in the
same snapshot and go to the store without a file.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from sims_backup.contract.manifest import Chunk
from sims_backup.engine.staging import FINISHED, Governor, Staging
from sims_backup.engine.writer import SetWriter
from sims_backup.parallel import Deadline, Workers
from sims_backup.postgres.catalog import Table
from sims_backup.postgres.clients import Client
from sims_backup.postgres.server import Server
from sims_backup.postgres.snapshot import SESSION
from sims_backup.postgres.tools import Tool
from sims_backup.settings import BackupSettings
from sims_backup.steps import effect
from sims_backup.storage.local import disk_errors
from sims_backup.streams import BLOCK, FileSource, Source, ZstdCompressed

_MIB = 1024**2
_GIB = 1024**3


@dataclass(frozen=True)
class Range:
    """Pages ``first`` to before ``end`` of a table; ``end`` None: to the last."""

    table: Table
    name: str
    first: int
    end: int | None

    @property
    def query(self) -> str:
        columns = ", ".join(_quote(column) for column in self.table.copied)
        if self.first == 0 and self.end is None:  # COPY of a table costs less than of a query
            return f"COPY {self.table.quoted} ({columns}) TO STDOUT"
        where = f"ctid >= '({self.first},0)'::tid"
        if self.end is not None:
            where += f" AND ctid < '({self.end},0)'::tid"
        source = f"SELECT {columns} FROM ONLY {self.table.quoted}"  # noqa: S608  quoted names
        return f"COPY ({source} WHERE {where}) TO STDOUT"


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def split_size(tables: list[Table], configured: int) -> int:
    """Bytes from which a table is streamed: 1/50 of the database, 8 MiB to 1 GiB."""
    if configured:
        return configured
    return min(max(sum(table.size for table in tables) // 50, 8 * _MIB), _GIB)


def ranges(tables: list[Table], threshold: int, jobs: int) -> list[Range]:
    """Page ranges of all large tables, largest first, about equal in bytes."""
    large = [table for table in tables if table.size >= threshold and table.copied and table.pages]
    found: list[tuple[int, Range]] = []
    for number, table in enumerate(sorted(large, key=lambda t: -t.size), start=1):
        size = min(max(table.size // (4 * jobs), 32 * _MIB), _GIB)
        pieces = max(1, -(-table.size // size))
        step = max(1, -(-table.pages // pieces))
        starts = list(range(0, table.pages, step))
        for index, first in enumerate(starts, start=1):
            end = starts[index] if index < len(starts) else None
            found.append((table.size // pieces, Range(table, f"{number}-{index}", first, end)))
    return [item for _, item in sorted(found, key=lambda pair: -pair[0])]


class _Rows:
    """Counts rows of COPY text: one line each, newlines in values are escaped."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self.rows = 0

    def read(self, size: int = BLOCK, /) -> bytes:
        block = self._tool.output.read(size)
        if not block:
            self._tool.finish()  # an unfinished COPY must not look like an end
        self.rows += block.count(b"\n")
        return block


class DirectoryDump:
    """One dump in one exported snapshot."""

    def __init__(
        self,
        server: Server,
        client: Client,
        settings: BackupSettings,
        writer: SetWriter,
        deadline: Deadline,
    ) -> None:
        self._server, self._client, self._settings = server, client, settings
        self._writer, self._deadline = writer, deadline
        self._guard = threading.Lock()
        self.dump_files = 0
        self.rows: dict[int, int] = {}

    def run(self, snapshot: str, tables: list[Table], encoding: str) -> tuple[list[Chunk], int]:
        """Writes ``db/`` and ``tables/``; returns the chunks and peak staging in bytes."""
        threshold = split_size(tables, self._settings.backup_split_size)
        pieces = ranges(tables, threshold, self._settings.backup_jobs)
        limit = self._settings.backup_staging_limit or max(
            sum(table.size for table in tables) // 20, 16 * _MIB
        )
        streamed = {piece.table.oid: piece.table for piece in pieces}
        with (
            Staging(self._settings.backup_staging_dir) as staging,
            Workers(self._settings.backup_jobs, self._deadline, "chunk") as crew,
        ):
            chunks = [
                crew.submit(lambda p=piece: self._chunk(p, snapshot, encoding))  # type: ignore[misc]  # mypy can't infer a lambda with a default
                for piece in pieces
            ]
            self._pg_dump(staging, limit, snapshot, list(streamed.values()))
            done = [crew.wait(future) for future in chunks]
            return done, staging.peak

    def _chunk(self, piece: Range, snapshot: str, encoding: str) -> Chunk:
        script = [
            "SET statement_timeout = 0;",
            *(f"{statement};" for statement in SESSION),
            f"SET client_encoding = '{encoding}';",
            "SET datestyle = ISO; SET intervalstyle = postgres; SET extra_float_digits = 3;",
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;",
            f"SET TRANSACTION SNAPSHOT '{snapshot}';",
            f"{piece.query};",
            "COMMIT;",
        ]
        argv = [self._client.tool("psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        with Tool(
            argv,
            self._server.environment(self._server.database),
            self._deadline,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as tool:
            tool.input.write("\n".join(script).encode())
            tool.input.close()
            rows = _Rows(tool)
            level = self._settings.backup_compression_level
            stored = self._writer.store(
                f"tables/{piece.name}.copy.zst", ZstdCompressed(rows, level)
            )
        with self._guard:
            oid = piece.table.oid
            self.rows[oid] = self.rows.get(oid, 0) + rows.rows
        return Chunk(
            key=stored.key,
            table=piece.table.quoted,
            columns=list(piece.table.copied),
            rows=rows.rows,
        )

    def _pg_dump(self, staging: Staging, limit: int, snapshot: str, streamed: list[Table]) -> None:
        folder = staging.path / "db"
        level = self._settings.backup_compression_level
        codec = f"zstd:{level}" if self._client.zstd else str(min(level, 9))
        argv = [
            self._client.tool("pg_dump"),
            "--format=directory",
            f"--jobs={max(2, self._settings.backup_jobs)}",
            f"--compress={codec}",
            f"--snapshot={snapshot}",
            f"--file={folder}",
            f"--lock-wait-timeout={int(self._settings.backup_lock_timeout * 1000) or 1}",
            "--no-password",
            "--verbose",
            *(f"--exclude-table-data={table.quoted}" for table in streamed),
        ]
        with Workers(self._settings.backup_jobs, self._deadline, "upload") as crew:
            upload = _Finished(folder, crew, self._store)
            environment = self._server.environment(self._server.database)
            with (
                effect("pg.dump", "directory"),
                Tool(argv, environment, self._deadline, on_line=upload.line) as tool,
            ):
                governor = Governor(staging, limit, upload.leaving, tool.pause, tool.resume)
                governor.start()
                try:
                    tool.finish()
                finally:
                    governor.stop()
            upload.rest()
            staging.measure()
            for future in upload.futures:
                crew.wait(future)

    def _store(self, path: Path) -> None:
        with disk_errors(path), FileSource(path) as file:
            source: Source = file
            self._writer.store(f"db/{path.name}", source)
        with disk_errors(path), effect("fs.unlink", path.name):
            path.unlink()
        with self._guard:
            self.dump_files += 1


class _Finished:
    """Queues the files of an item as soon as pg_dump says that the item is finished."""

    def __init__(self, folder: Path, crew: Workers, store: Callable[[Path], None]) -> None:
        self._folder, self._crew, self._store = folder, crew, store
        self._seen: set[str] = set()
        self.futures: list[Future[None]] = []

    def line(self, text: str) -> None:
        match = FINISHED.search(text)
        if match is None:
            return
        item, what = match.groups()
        if what == "TABLE DATA":
            self._queue_all(f"{item}.dat*")
        else:
            self._large_objects(self._folder / f"blobs_{item}.toc")

    def _large_objects(self, listing: Path) -> None:
        """A finished group, since pg_dump 17; an older one is found by ``rest``."""
        if not listing.is_file():
            return
        for line in listing.read_text().splitlines():
            self._queue_all(f"{line.split()[1]}*")
        self._queue(listing)

    def _queue_all(self, pattern: str) -> None:
        for path in self._folder.glob(pattern):
            self._queue(path)

    def rest(self) -> None:
        """After a successful end: the table of contents and what no line has named."""
        for path in sorted(self._folder.iterdir()):
            self._queue(path)

    def leaving(self) -> bool:
        return any(not future.done() for future in self.futures)

    def _queue(self, path: Path) -> None:
        if path.name not in self._seen:
            self._seen.add(path.name)
            store = self._store
            self.futures.append(self._crew.submit(lambda: store(path)))
