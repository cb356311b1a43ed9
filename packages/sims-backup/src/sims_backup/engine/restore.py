"""Restoring a set or a dump file: guards, lock, recovery, the run, what it gave.

A request with a name may be repeated: when an earlier run did it, its result is returned
and nothing is replaced a second time.
"""

from __future__ import annotations

import time

from sims_backup.contract.manifest import Manifest
from sims_backup.contract.results import RestoreResult
from sims_backup.engine.context import Context
from sims_backup.engine.media_restore import require_media
from sims_backup.engine.recover import purge, recover
from sims_backup.engine.restore_run import Request, RestoreRun
from sims_backup.errors import Refused
from sims_backup.postgres.journal import Entry, Journal
from sims_backup.postgres.server import Connection
from sims_common.logs import get_logger

__all__ = ["Request", "check_request", "earlier_result", "other_installation", "restore"]

log = get_logger(__name__)


def check_request(context: Context, request: Request) -> None:
    """Guards that need no lock; all refuse before anything is touched."""
    manifest = request.manifest
    if manifest is None:
        return
    context.require_key(manifest)
    context.require_server(manifest)
    context.restore_client(manifest)
    if request.media and context.settings.media_dir is not None:
        require_media(context, manifest)


def restore(context: Context, request: Request) -> RestoreResult:
    """Replaces the database, or fills a new one (``into``)."""
    began = time.monotonic()
    check_request(context, request)
    with context.lock() as lock:
        recover(context, lock.connection)
        earlier = _done(context, lock.connection, request.name)
        if earlier is not None:
            return _adopted(earlier)
        purge(context, lock.connection)
        result = RestoreRun(context, request, lock).run()
    result = result.model_copy(
        update={"duration": time.monotonic() - began, "stages": dict(context.progress.seconds)}
    )
    log.info("restored", **result.model_dump(mode="json", exclude={"stages"}))
    return result


def earlier_result(context: Context, name: str) -> RestoreResult | None:
    """What an earlier run of the request ``name`` did, finished first if it died after the swap.

    None when there was none or it was rolled back: the request is still to be done.
    """
    with context.lock() as lock:
        recover(context, lock.connection)
        entry = _done(context, lock.connection, name)
    return _adopted(entry) if entry is not None else None


def _done(context: Context, connection: Connection, name: str) -> Entry | None:
    """The finished restore of that name. Raises ``Refused`` when it was undone since."""
    if not name:
        return None
    for entry in reversed(Journal(connection).entries(context.server.database)):
        if entry.request != name or entry.state == "rolled_back":
            continue
        if entry.state == "undone":
            raise Refused(
                f"request {name} was restored as {entry.restore_id} and then undone; to restore "
                "again, use another name"
            )
        return entry
    return None


def _adopted(entry: Entry) -> RestoreResult:
    kept = entry.kept if entry.state == "done" else None
    return RestoreResult(
        id=entry.set_id,
        restore_id=entry.restore_id,
        request=entry.request,
        adopted=True,
        database=entry.database,
        kept_database=kept,
        kept_until=entry.kept_until if kept else None,
        safety_backup=entry.safety_set,
        media_restored=0,
        duration=(entry.updated_at - entry.created_at).total_seconds(),
        stages={},
        swap_seconds=None,
    )


def other_installation(context: Context, manifest: Manifest) -> str | None:
    """A sentence when the set comes from another installation."""
    if manifest.installation_id == context.installation_id:
        return None
    return (
        f"{manifest.id} belongs to installation {manifest.installation_id}, this is "
        f"{context.installation_id}"
    )
