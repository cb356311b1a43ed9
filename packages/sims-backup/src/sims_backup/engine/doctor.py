"""Checks that need no backup to be taken; each failure says what to do."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import StrEnum
from io import BytesIO

from sims_backup.contract.results import DoctorResult, Finding
from sims_backup.engine.context import Context
from sims_backup.engine.prune import policy_of
from sims_backup.engine.recover import purge, recover
from sims_backup.errors import BackupError
from sims_backup.postgres.journal import Journal
from sims_backup.repository import Contents
from sims_backup.settings import BackupSettings
from sims_common.clock import now

_SKEW = timedelta(seconds=60)
_OLD = timedelta(hours=36)
_LOW = 2 * 1024**3

_Check = Callable[[Context], Iterator[Finding]]


class Scope(StrEnum):
    ALL = "all"
    DATABASE = "database"
    STORES = "stores"


def examine(
    settings: BackupSettings, *, fix: bool = False, scope: Scope = Scope.ALL
) -> DoctorResult:
    """Runs every check; one that fails does not hide the others."""
    findings: list[Finding] = []
    if scope is not Scope.STORES:
        with Context.open(settings) as context:
            if fix:
                findings += _guarded("repair", _repair, context)
            for name, check in _CHECKS.items():
                findings += _guarded(name, check, context)
    for target in settings.targets if scope is not Scope.DATABASE else ():
        with Context.open(settings, target) as context:
            findings += _guarded(f"store {target}", _store, context)
    return DoctorResult(findings=findings)


def _guarded(name: str, check: _Check, context: Context) -> list[Finding]:
    try:
        return list(check(context))
    except BackupError as error:
        return [Finding(check=name, status="fail", detail=error.title, remedy=error.detail)]


def _ok(check: str, detail: str) -> Finding:
    return Finding(check=check, status="ok", detail=detail)


def _warning(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check=check, status="warning", detail=detail, remedy=remedy)


def _repair(context: Context) -> Iterator[Finding]:
    with context.lock() as lock:
        for line in recover(context, lock.connection):
            yield _ok("repair", line)
        for name in purge(context, lock.connection):
            yield _ok("repair", f"dropped {name}")


def _server(context: Context) -> Iterator[Finding]:
    facts = context.server_facts
    yield _ok("server", f"PostgreSQL {facts.version}, database {context.server.database}")
    with context.server.connect(context.server.maintenance) as connection:
        row = connection.execute("SELECT now(), current_setting('is_superuser')").fetchone()
    if row is not None and abs(row[0] - now()) > _SKEW:
        yield _warning(
            "clock",
            f"this machine and the server differ by {abs(row[0] - now())}",
            "synchronise both clocks; ids and retention use this machine's",
        )
    if row is not None and row[1] != "on":
        yield _warning(
            "role",
            f"{context.server.user} is no superuser",
            "it must own the database, have CREATEDB, pg_signal_backend and CREATE on "
            f"{context.server.maintenance}; run a drill to see",
        )


def _tools(context: Context) -> Iterator[Finding]:
    client = context.dump_client()
    yield _ok("tools", f"pg_dump {client.version} in {client.folder}")
    if not client.zstd:
        yield _warning("tools", "this pg_dump lacks zstd", "backups use gzip: larger and slower")


def _journal(context: Context) -> Iterator[Finding]:
    with context.server.connect(context.server.maintenance) as connection:
        entries = Journal(connection).entries(context.server.database)
    open_ones = [e for e in entries if e.state in {"loading", "loaded", "swapped", "undoing"}]
    for entry in open_ones:
        yield _warning(
            "restore",
            f"{entry.kind} {entry.restore_id} of {entry.set_id} stands at {entry.state}",
            "if no restore runs now: sims-backup doctor --fix",
        )
    for entry in entries:
        if entry.state == "done" and entry.kept and entry.kept_until:
            yield _ok("undo", f"possible until {entry.kept_until:%Y-%m-%d %H:%M}: {entry.kept}")
    if not open_ones:
        yield _ok("restore", "none is interrupted")


def _places(context: Context) -> Iterator[Finding]:
    settings = context.settings
    policy_of(settings)
    yield _ok("retention", "the policy is not empty")
    free = shutil.disk_usage(settings.backup_staging_dir).free
    detail = f"{free // 2**20} MiB free in {settings.backup_staging_dir}"
    if free < _LOW:
        yield _warning("staging", detail, "set SIMS_BACKUP_STAGING_DIR to a larger place")
    else:
        yield _ok("staging", detail)
    media = settings.media_dir
    if media is not None and not media.is_dir():
        yield Finding(
            check="media",
            status="fail",
            detail=f"{media} is no directory",
            remedy="mount it or unset SIMS_BACKUP_MEDIA_DIR",
        )
    checks = context.checks
    yield _ok("invariants", f"{len(checks.invariant)} registered")


def _keys(context: Context) -> Iterator[Finding]:
    recipients = context.recipients
    if recipients is None:
        yield _ok("encryption", "off")
    elif len(recipients.keys) == 1:
        yield _warning("encryption", "one recipient", "add a second key, kept by another person")
    else:
        yield _ok("encryption", f"{len(recipients.keys)} recipients")


def _store(context: Context) -> Iterator[Finding]:
    """Writes, reads and removes a small object, then looks at what is there."""
    name = f"store {context.storage.name}"
    key = f"probe/{uuid.uuid4().hex}"
    if context.storage.locks:
        yield _ok(name, "object lock is on; the write probe is left out, it could not be removed")
    else:
        context.storage.put(key, BytesIO(b"probe"))
        context.storage.open(key).close()
        context.storage.delete([key])
    contents = context.repository.contents()
    yield from _contents(name, contents)


def _contents(name: str, contents: Contents) -> Iterator[Finding]:
    for why in contents.damaged.values():
        yield Finding(
            check=name, status="fail", detail=why, remedy="copy it back from another store"
        )
    if contents.unfinished:
        left = ", ".join(contents.unfinished)
        yield _warning(name, f"unfinished: {left}", "sims-backup prune sweeps them")
    good = [item for item in contents.sets if item.state == "verified"]
    if not good:
        yield _warning(name, "no verified backup", "sims-backup backup")
        return
    age = now() - good[-1].manifest.snapshot_at
    detail = f"{len(good)} verified, the newest {age.total_seconds() / 3600:.1f} h old"
    yield _ok(name, detail) if age < _OLD else _warning(name, detail, "did the schedule stop?")
    if all(item.recovery_time is None for item in good):
        yield _warning(name, "none was ever restored", "sims-backup drill")


_CHECKS: dict[str, _Check] = {
    "server": _server,
    "tools": _tools,
    "journal": _journal,
    "places": _places,
    "keys": _keys,
}
