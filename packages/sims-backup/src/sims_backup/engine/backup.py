"""Taking a backup, in numbered steps.

1 lock · 2 adopt the store, claim an id · 3 snapshot, catalog, invariants · 4 dump ·
5 rows of small tables · 6 media · 7 check that all is there · 8 manifest · 9 further targets
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from sims_backup.contract.manifest import (
    CatalogFacts,
    Chunk,
    DatabaseFacts,
    Encryption,
    InvariantValue,
    Kind,
    Manifest,
    MediaFacts,
    TableFacts,
    Tools,
)
from sims_backup.contract.results import BackupResult
from sims_backup.engine import adopt
from sims_backup.engine.context import Context
from sims_backup.engine.copies import copies
from sims_backup.engine.dump_directory import DirectoryDump
from sims_backup.engine.dump_stream import dump_stream
from sims_backup.engine.media_backup import Known, MediaBackup
from sims_backup.engine.reader import media_index, media_objects
from sims_backup.engine.writer import UPLOAD, SetWriter
from sims_backup.errors import BackupError
from sims_backup.invariants import evaluate, media_references
from sims_backup.postgres.catalog import catalog, count_rows, database_facts, roles
from sims_backup.postgres.clients import Client
from sims_backup.postgres.lock import RunLock
from sims_backup.postgres.snapshot import Snapshot
from sims_backup.repository import Claim, Contents, Repository
from sims_common.clock import now
from sims_common.logs import get_logger
from sims_common.version import app_version

log = get_logger(__name__)


@dataclass(frozen=True)
class Dump:
    """What the snapshot gave."""

    at: datetime
    database: DatabaseFacts
    catalog: CatalogFacts
    roles: list[str]
    tables: list[TableFacts]
    invariants: list[InvariantValue]
    revision: str | None
    references: dict[str, str | None]
    chunks: list[Chunk]
    peak_staging: int


@dataclass(frozen=True)
class _Order:
    """Who asked for what; ``set_id`` makes it repeatable."""

    kind: Kind
    parent: str
    set_id: str | None


def take_backup(
    context: Context,
    *,
    kind: Kind = "manual",
    parent: str = "",
    set_id: str | None = None,
    lock: RunLock | None = None,
) -> BackupResult:
    """Publishes a new set in the context's store, then copies it to the further targets.

    With ``set_id`` it may be repeated: a set of that id and parent is adopted.
    """
    order = _Order(kind, parent, set_id)
    if lock is not None:
        return _locked(context, order, lock)
    with context.lock() as own:
        return _locked(context, order, own)


def _locked(context: Context, order: _Order, lock: RunLock) -> BackupResult:
    began, started = time.monotonic(), now()
    client = context.dump_client()
    context.repository.adopt(context.installation_id)
    contents = context.repository.contents()
    if order.set_id is not None:
        earlier = adopt.adoptable(context.repository, contents, order.set_id, order.parent)
        if earlier is not None:
            done = copies(context, earlier)
            return adopt.adopted_result(earlier, context.storage.name, done)
    claim = adopt.claim(context, order.set_id, started)
    try:
        writer = _writer(context, claim, started)
        dump = _dump(context, client, writer)
        dumped = sum(item.size for item in writer.objects)
        media, uploaded = _media(context, contents, writer, dump)
        with context.progress.stage("publish"):
            lock.check()
            writer.check_complete()
            manifest = _manifest(context, client, claim, writer, dump, media, contents)
            manifest = manifest.model_copy(update={"kind": order.kind, "parent": order.parent})
            context.repository.publish(manifest, claim)
    except BaseException:
        _discard(context.repository, claim)
        raise
    return BackupResult(
        id=manifest.id,
        target=context.storage.name,
        snapshot_at=manifest.snapshot_at,
        format=manifest.format,
        size=manifest.size,
        dump_bytes=dumped,
        media_files=media.files if media else 0,
        media_uploaded=uploaded,
        copies=copies(context, manifest),
        duration=time.monotonic() - began,
        stages=dict(context.progress.seconds),
        peak_staging=dump.peak_staging,
        verified=manifest.verified_at is not None,
        missing_media=media.missing if media else [],
        changed_media=media.changed if media else [],
    )


def _discard(repository: Repository, claim: Claim) -> None:
    """Removes what a failed run wrote; what can't be removed now, ``prune`` sweeps."""
    try:
        repository.remove_rest(claim.set_id)
    except BackupError as error:
        log.warning("unfinished set left for prune", set=claim.set_id, error=error.detail)


def _writer(context: Context, claim: Claim, started: datetime) -> SetWriter:
    settings = context.settings
    days = max(settings.retention_days, settings.retention_daily, 1)
    return SetWriter(
        context.storage,
        claim.set_id,
        context.recipients,
        verify=settings.backup_verify,
        lock_until=started + timedelta(days=days) if context.storage.locks else None,
        deadline=context.deadline,
        progress=context.progress,
    )


def _dump(context: Context, client: Client, writer: SetWriter) -> Dump:
    settings, server = context.settings, context.server
    with Snapshot(server) as snapshot:
        connection = snapshot.connection
        database = database_facts(connection, server.database)
        surroundings, owners = catalog(connection), roles(connection)
        chunks: list[Chunk] = []
        rows: dict[int, int] = {}
        peak = 0
        expected = sum(table.size for table in snapshot.tables)
        with context.progress.stage(UPLOAD, expected):
            if settings.backup_format == "directory":
                dump = DirectoryDump(server, client, settings, writer, context.deadline)
                chunks, peak = dump.run(snapshot.name, snapshot.tables, database.encoding)
                rows = dump.rows
            else:
                dump_stream(
                    server,
                    client,
                    settings,
                    writer,
                    snapshot=snapshot.name,
                    deadline=context.deadline,
                )
        with context.progress.stage("count"):
            counted = [
                table.facts(rows[table.oid] if table.oid in rows else count_rows(connection, table))
                for table in snapshot.tables
            ]
            connection.execute("SET LOCAL search_path TO DEFAULT")
            values = evaluate(connection, context.checks)
            references = media_references(connection, context.checks)
            revision = _revision(context, connection)
    return Dump(
        at=snapshot.at,
        database=database,
        catalog=surroundings,
        roles=sorted({*owners, database.owner}),
        tables=counted,
        invariants=values,
        revision=revision,
        references=references,
        chunks=chunks,
        peak_staging=peak,
    )


def _revision(context: Context, connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
    """The schema's revision; none when the application keeps no such table."""
    try:
        with connection.transaction():
            row = connection.execute(context.settings.backup_revision_sql.encode()).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return str(row[0]) if row else None


def _media(
    context: Context, contents: Contents, writer: SetWriter, dump: Dump
) -> tuple[MediaFacts | None, int]:
    root = context.settings.media_dir
    if root is None:
        return None, 0
    with context.progress.stage("media"):
        media = MediaBackup(root, writer, _known(context, contents, writer))
        facts = media.run(dump.references)
    for path in facts.missing:
        log.warning("media file missing", path=path)
    for path in facts.changed:
        log.warning("media file changed", path=path)
    return facts, media.uploaded


def _known(context: Context, contents: Contents, writer: SetWriter) -> Known:
    """From the newest set of the same namespace; nothing when its lists are damaged."""
    namespace = writer.recipients.namespace if writer.recipients else "plain"
    for stored in reversed(contents.sets):
        manifest = stored.manifest
        if manifest.media is None or manifest.media.namespace != namespace:
            continue
        known = Known()
        try:
            known.objects = {item.sha256: item for item in media_objects(context, manifest)}
            if manifest.encryption is None:
                known.files = {item.path: item for item in media_index(context, manifest)}
        except BackupError as error:
            log.warning("media lists not reused", set=manifest.id, error=error.detail)
            return Known()
        return known
    return Known()


def _manifest(
    context: Context,
    client: Client,
    claim: Claim,
    writer: SetWriter,
    dump: Dump,
    media: MediaFacts | None,
    contents: Contents,
) -> Manifest:
    finished = now()
    codec = "gzip" if context.settings.backup_format == "plain" or not client.zstd else "zstd"
    return Manifest(
        id=claim.set_id,
        sequence=max((item.manifest.sequence for item in contents.sets), default=0) + 1,
        kind="manual",
        format=context.settings.backup_format,
        started_at=claim.at,
        snapshot_at=dump.at,
        finished_at=finished,
        verified_at=finished if writer.verify else None,
        locked_until=writer.lock_until,
        installation_id=context.installation_id,
        server=context.server_facts,
        tools=Tools(
            engine=app_version(),
            pg_dump=client.version,
            pg_dump_major=client.major,
            compression=codec,
        ),
        app_version=app_version(),
        schema_revision=dump.revision,
        database=dump.database,
        roles=dump.roles,
        tables=dump.tables,
        catalog=dump.catalog,
        invariants=dump.invariants,
        objects=writer.objects,
        chunks=sorted(dump.chunks, key=lambda chunk: chunk.key),
        media=media,
        encryption=(
            Encryption(recipients=writer.recipients.fingerprints) if writer.recipients else None
        ),
    )
