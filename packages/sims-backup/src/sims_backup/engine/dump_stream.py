"""Custom and plain format: one pg_dump, its output streamed to the store as it comes.

A pipe that closes looks like an end, so the exit code is checked before the store gets
its end of file; a failed dump is never committed.
"""

from __future__ import annotations

import io
import subprocess
import zlib

from sims_backup.engine.writer import SetWriter
from sims_backup.parallel import Deadline
from sims_backup.postgres.clients import Client
from sims_backup.postgres.server import Server
from sims_backup.postgres.tools import Tool
from sims_backup.settings import BackupSettings
from sims_backup.steps import effect
from sims_backup.streams import BLOCK, Source

_GZIP = 16 + zlib.MAX_WBITS


class _Output:
    """pg_dump's output; its failure is raised instead of an end."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool

    def read(self, size: int = BLOCK, /) -> bytes:
        block = self._tool.output.read(size)
        if not block:
            self._tool.finish()
        return block


class Gzipped:
    """Compresses a source to one gzip member."""

    def __init__(self, source: Source, level: int) -> None:
        self._source = source
        self._codec = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
        self._pending = io.BytesIO()
        self._ended = False

    def read(self, size: int = BLOCK, /) -> bytes:
        while not (block := self._pending.read(size)) and not self._ended:
            raw = self._source.read(BLOCK)
            self._ended = not raw
            made = self._codec.compress(raw) if raw else self._codec.flush()
            self._pending = io.BytesIO(made)
        return block


def dump_stream(
    server: Server,
    client: Client,
    settings: BackupSettings,
    writer: SetWriter,
    *,
    snapshot: str,
    deadline: Deadline,
) -> None:
    """Writes ``<id>.dump`` (custom) or ``<id>.sql.gz`` (plain)."""
    level = settings.backup_compression_level
    custom = settings.backup_format == "custom"
    argv = [
        client.tool("pg_dump"),
        f"--format={settings.backup_format}",
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={int(settings.backup_lock_timeout * 1000) or 1}",
        "--no-password",
    ]
    if custom:
        argv.append(f"--compress={f'zstd:{level}' if client.zstd else min(level, 9)}")
    with (
        effect("pg.dump", settings.backup_format),
        Tool(argv, server.environment(server.database), deadline, stdout=subprocess.PIPE) as tool,
    ):
        output: Source = _Output(tool)
        if custom:
            writer.store(f"{writer.set_id}.dump", output)
        else:
            writer.store(f"{writer.set_id}.sql.gz", Gzipped(output, min(level, 9)))
