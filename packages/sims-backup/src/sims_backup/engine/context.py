"""What every verb needs: settings, server, tools, store, deadline, progress."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Self

from sims_backup.contract.manifest import Manifest, ServerFacts
from sims_backup.encryption import Identities, Recipients
from sims_backup.errors import Refused
from sims_backup.invariants import Checks, load
from sims_backup.parallel import Deadline
from sims_backup.postgres.clients import Client, choose, find_clients
from sims_backup.postgres.lock import RunLock
from sims_backup.postgres.server import Server
from sims_backup.progress import Progress, open_progress
from sims_backup.repository import Repository
from sims_backup.settings import BackupSettings
from sims_backup.storage import Storage
from sims_backup.storage.targets import primary
from sims_backup.streams import Source


@dataclass
class Context:
    """Close it (or leave its block) to close the store and stop the deadline's timer."""

    settings: BackupSettings
    storage: Storage
    deadline: Deadline
    progress: Progress

    @classmethod
    def open(cls, settings: BackupSettings, target: str | None = None) -> Context:
        storage = primary(settings, target)
        return cls(settings, storage, Deadline(settings.backup_deadline), open_progress())

    @cached_property
    def server(self) -> Server:
        return Server(self.settings)

    @cached_property
    def server_facts(self) -> ServerFacts:
        return self.server.facts()

    @cached_property
    def repository(self) -> Repository:
        return Repository(self.storage)

    @cached_property
    def checks(self) -> Checks:
        return load(self.settings.backup_checks)

    @cached_property
    def clients(self) -> list[Client]:
        return find_clients(self.settings.pg_bin_dir)

    @cached_property
    def recipients(self) -> Recipients | None:
        keys = self.settings.recipients
        return Recipients(keys) if keys else None

    @cached_property
    def identities(self) -> Identities:
        return Identities(self.settings.backup_identity.get_secret_value())

    @property
    def installation_id(self) -> str:
        return self.settings.installation_id or f"pg-{self.server_facts.system_id}"

    def dump_client(self) -> Client:
        facts = self.server_facts
        return choose(self.clients, facts.major, f"dumping from PostgreSQL {facts.version}")

    def restore_client(self, manifest: Manifest) -> Client:
        """Able to read the archive; as new as the server when there is such a one.

        pg_restore speaks to newer servers too, so the archive decides: its version, its codec.
        """
        tools = manifest.tools
        zstd = tools.compression == "zstd"
        fitting = [c for c in self.clients if c.zstd or not zstd]
        wanted = max(tools.pg_dump_major, self.server_facts.major)
        if any(client.major >= wanted for client in fitting):
            return choose(fitting, wanted, "restoring this backup")
        why = "restoring this backup" + (" (with zstd)" if zstd else "")
        return choose(fitting, tools.pg_dump_major, why)

    def lock(self) -> RunLock:
        return RunLock(self.server, self.settings.backup_lock_timeout)

    def require_key(self, manifest: Manifest) -> None:
        """Refuses an encrypted set without a fitting identity, before anything is touched."""
        if manifest.encryption is not None:
            self.identities.require(manifest.encryption.recipients, manifest.id)

    def require_server(self, manifest: Manifest) -> None:
        if self.server_facts.major < manifest.server.major:
            raise Refused(
                f"{manifest.id} comes from PostgreSQL {manifest.server.version}, this server is "
                f"{self.server_facts.version}; restore to {manifest.server.major} or newer"
            )

    def decrypted(self, manifest: Manifest, source: Source, name: str) -> Source:
        if manifest.encryption is None:
            return source
        return self.identities.decrypt(source, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.deadline.kill_children()
        self.deadline.close()
        self.progress.close()
        self.storage.close()
