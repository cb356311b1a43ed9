"""One restore in numbered steps; the journal says how far it came.

1 safety backup · 2 journal, new database · 3 load · 4 compare, migrate, invariants ·
5 media · 6 swap in one transaction · 7 changed media · 8 done; the old database is kept

Until step 6 the live database is not touched; step 6 is one transaction.
"""

from __future__ import annotations

import secrets
import shlex
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from psycopg import sql

from sims_backup.contract.manifest import DatabaseFacts, Manifest
from sims_backup.contract.results import RestoreResult
from sims_backup.engine import foreign
from sims_backup.engine.backup import take_backup
from sims_backup.engine.checks import broken_invariants, compare
from sims_backup.engine.context import Context
from sims_backup.engine.load import Loader
from sims_backup.engine.media_restore import MediaRestore
from sims_backup.engine.recover import recover
from sims_backup.errors import BackupError, NotProven, Refused
from sims_backup.postgres import databases
from sims_backup.postgres.catalog import database_facts, existing_roles
from sims_backup.postgres.journal import Entry, Journal, Kind
from sims_backup.postgres.lock import RunLock
from sims_backup.postgres.server import Connection
from sims_backup.postgres.tools import run
from sims_backup.steps import effect
from sims_common.clock import now
from sims_common.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class Request:
    """What to restore: a set of the context's store, or a file made by pg_dump.

    ``name`` is the caller's: a request with the same name is carried out once.
    """

    manifest: Manifest | None
    dump: foreign.DumpFile | None = None
    into: str | None = None
    safety_backup: bool = True
    keep_old: timedelta = timedelta(hours=24)
    create_roles: bool = False
    media: bool = True
    name: str = ""

    @property
    def label(self) -> str:
        if self.manifest is not None:
            return self.manifest.id
        return self.dump.label if self.dump is not None else ""


@dataclass
class _Outcome:
    safety: str | None = None
    media: int = 0
    swap_seconds: float | None = None
    skipped: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def new_restore_id() -> str:
    return f"{now():%y%m%d%H%M%S}{secrets.token_hex(2)}"


class RestoreRun:
    """One restore, with the lock held; ``run`` may be called once."""

    def __init__(self, context: Context, request: Request, lock: RunLock) -> None:
        self._context, self._request, self._lock = context, request, lock
        self._admin: Connection = lock.connection
        self._journal = Journal(self._admin)
        self._id = new_restore_id()
        self._target = request.into or context.server.database
        self._outcome = _Outcome()
        self._until: datetime | None = None

    def run(self) -> RestoreResult:
        live = databases.exists(self._admin, self._target)
        if self._request.into and live:
            raise Refused(
                f"database {self._target} exists; --into makes a new one, choose another name"
            )
        databases.require_no_prepared(self._admin, self._target)
        if live and self._request.safety_backup:
            with self._context.progress.stage("safety backup"):
                self._outcome.safety = self._safety_backup()
        self._journal.prepare()
        like = self._like(live)
        self._until = now() + self._request.keep_old if live else None
        entry = self._entry(live)
        self._journal.begin(entry)
        try:
            self._fill(entry, like)
            self._swap(entry, live)
        except BaseException as error:
            self._give_up(error)
            raise
        return self._result(entry, live)

    def _safety_backup(self) -> str:
        """Into the primary target: the set may come from a store that is not ours."""
        settings = self._context.settings
        with Context.open(settings) as own:
            try:
                return take_backup(own, kind="safety", lock=self._lock).id
            except BackupError as error:
                raise type(error)(
                    f"the safety backup failed, so nothing was restored: {error.detail}. "
                    "--no-safety-backup restores without one"
                ) from error

    def _like(self, live: bool) -> DatabaseFacts:
        """Encoding, owner and grants: the set's, for a bare file those of the live one."""
        manifest = self._request.manifest
        if manifest is not None:
            return manifest.database
        source = self._context.server.database if live or self._request.into else None
        if source is not None and databases.exists(self._admin, source):
            return database_facts(self._admin, source)
        return database_facts(self._admin, "template1")

    def _entry(self, live: bool) -> Entry:
        kind: Kind = "into" if self._request.into or not live else "swap"
        root = self._context.settings.media_dir if self._with_media else None
        return Entry(
            restore_id=self._id,
            guard=self._context.server.database,
            kind=kind,
            database=self._target,
            set_id=self._request.label,
            state="loading",
            scratch=databases.derived_name(self._target, f"__new_{self._id}"),
            kept=databases.derived_name(self._target, f"__old_{self._id}") if live else None,
            kept_until=self._until,
            safety_set=self._outcome.safety,
            media_root=str(root.absolute()) if root else None,
            role=f"sims_restore_{self._id}" if self._request.manifest is None else None,
            request=self._request.name,
            message="",
            created_at=now(),
            updated_at=now(),
        )

    @property
    def _with_media(self) -> bool:
        manifest = self._request.manifest
        wanted = manifest is not None and manifest.media is not None and self._request.media
        return wanted and not self._request.into

    def _fill(self, entry: Entry, like: DatabaseFacts) -> None:
        owner = self._owner(like)
        manifest = self._request.manifest
        if manifest is not None:
            self._roles(manifest)
            databases.create(self._admin, entry.scratch, like, owner)
            Loader(self._context, manifest, entry.scratch).run()
            self._prove(compare(self._context, manifest, entry.scratch))
        else:
            self._fill_from_file(entry, like, owner)
        self._outcome.warnings += databases.apply_properties(self._admin, entry.scratch, like)
        self._migrate(entry.scratch)
        if manifest is not None or self._context.settings.restore_migrate_command:
            with self._context.progress.stage("invariants"):
                self._prove(broken_invariants(self._context, manifest, entry.scratch))
        self._journal.set(self._id, state="loaded")
        if manifest is not None and entry.media_root is not None:
            with self._context.progress.stage("media"):
                media = MediaRestore(Path(entry.media_root), self._id)
                self._outcome.media = media.prepare(self._context, manifest)

    def _owner(self, like: DatabaseFacts) -> str:
        if like.owner in existing_roles(self._admin) or self._request.create_roles:
            return like.owner
        row = self._admin.execute("SELECT current_user").fetchone()
        user = str(row[0]) if row else ""
        self._outcome.warnings.append(f"no role {like.owner}: {user} owns the database")
        return user

    def _roles(self, manifest: Manifest) -> None:
        missing = sorted(set(manifest.roles) - existing_roles(self._admin))
        if missing and not self._request.create_roles:
            raise Refused(
                f"roles {', '.join(missing)} own or use objects of the backup and don't exist on "
                "this server; create them, or use --create-roles (NOLOGIN, no password)"
            )
        for name in missing:
            with effect("pg.role", name):
                self._admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))

    def _fill_from_file(self, entry: Entry, like: DatabaseFacts, owner: str) -> None:
        dump = self._request.dump
        if dump is None or entry.role is None:
            raise Refused("nothing to restore was given")
        role = foreign.create_role(self._admin, self._id)
        databases.create(self._admin, entry.scratch, like, role.name)
        self._outcome.warnings.append(
            f"{dump.label} was made elsewhere: everything in it belongs to {owner} now"
        )
        self._outcome.skipped = foreign.load_file(self._context, dump, entry.scratch, role)
        if not self._context.settings.restore_migrate_command:
            # By that role: views and functions of the file don't run with our rights.
            with self._context.progress.stage("invariants"):
                self._prove(foreign.broken_invariants(self._context, entry.scratch, role))
        foreign.hand_over(self._context, entry.scratch, role.name, owner)
        foreign.drop_role(self._admin, role.name)

    def _migrate(self, database: str) -> None:
        """Brings the restored schema to the application's; the URL carries no password."""
        command = self._context.settings.restore_migrate_command
        if not command:
            return
        server = self._context.server
        environment = {
            **server.environment(database),
            "SIMS_DATABASE_URL": server.url(database),
        }
        with self._context.progress.stage("migrate"), effect("pg.migrate", database):
            run(shlex.split(command), environment, self._context.deadline)

    def _prove(self, problems: list[str]) -> None:
        if problems:
            raise NotProven(
                f"{self._request.label} loaded, but is not what it should be: "
                f"{'; '.join(problems[:10])}. The live database is unchanged"
            )

    def _swap(self, entry: Entry, live: bool) -> None:
        self._context.deadline.check()
        with self._context.progress.stage("swap"):
            if live and entry.kept is not None:
                self._outcome.swap_seconds = databases.swap(
                    self._context.server,
                    self._admin,
                    (entry.database, entry.kept, entry.scratch),
                    self._record,
                )
            else:
                databases.move(self._admin, entry.scratch, entry.database, self._record)
            if entry.media_root is not None:
                MediaRestore(Path(entry.media_root), self._id).apply()
            self._journal.set(self._id, state="done")

    def _record(self) -> None:
        """In the transaction of the swap; the hours for undo count from here."""
        if self._until is not None:
            self._until = now() + self._request.keep_old
        self._journal.set(self._id, state="swapped", kept_until=self._until)

    def _give_up(self, error: BaseException) -> None:
        """Cleans up at once; when that fails too, the next run does it from the journal."""
        try:
            self._journal.set(self._id, message=str(error)[:500])
            recover(self._context, self._admin)
        except Exception as second:  # noqa: BLE001  the first error is the one to tell
            log.warning("clean-up left for the next run", error=str(second))

    def _result(self, entry: Entry, live: bool) -> RestoreResult:
        return RestoreResult(
            id=self._request.label,
            restore_id=self._id,
            request=entry.request,
            database=entry.database,
            kept_database=entry.kept if live else None,
            kept_until=self._until,
            safety_backup=self._outcome.safety,
            media_restored=self._outcome.media,
            duration=0.0,
            stages={},
            swap_seconds=self._outcome.swap_seconds,
            skipped=self._outcome.skipped,
            warnings=self._outcome.warnings,
        )
