"""Writes the objects of one set: hash, encrypt, store, read back."""

from __future__ import annotations

import threading
from datetime import datetime

from sims_backup.contract.manifest import StoredObject
from sims_backup.encryption import SUFFIX, Recipients
from sims_backup.errors import BackupError
from sims_backup.parallel import Deadline
from sims_backup.progress import Progress
from sims_backup.storage import Storage
from sims_backup.streams import Checked, Source, Watched, drain

UPLOAD = "upload"


class SetWriter:
    """Collects what a manifest lists; safe to use from several threads."""

    def __init__(
        self,
        storage: Storage,
        set_id: str,
        recipients: Recipients | None,
        *,
        verify: bool,
        lock_until: datetime | None,
        deadline: Deadline,
        progress: Progress,
    ) -> None:
        self.storage, self.set_id, self.recipients = storage, set_id, recipients
        self.verify, self.lock_until = verify, lock_until
        self.deadline, self.progress = deadline, progress
        self._guard = threading.Lock()
        self._objects: list[StoredObject] = []

    def store(self, name: str, source: Source, *, plain: bool = False) -> StoredObject:
        """Stores ``<set>/<name>`` (with ``.age`` when encrypted) and reads it back."""
        outgoing: Source = Watched(source, self._watch)
        key = name
        if self.recipients is not None and not plain:
            outgoing = self.recipients.encrypt(outgoing)
            key += SUFFIX
        stored = self.storage.put(f"{self.set_id}/{key}", outgoing, lock_until=self.lock_until)
        if self.verify:
            self._read_back(stored)
        entry = StoredObject(key=key, size=stored.size, sha256=stored.sha256)
        with self._guard:
            self._objects.append(entry)
        return entry

    def _watch(self, amount: int) -> None:
        self.deadline.check()
        self.progress.advance(UPLOAD, amount)

    def _read_back(self, stored: StoredObject) -> None:
        with self.storage.open(stored.key) as body:
            found = Checked(
                Watched(body, self.deadline.watch),
                sha256=stored.sha256,
                size=stored.size,
                name=f"{self.storage.name}/{stored.key}",
            )
            drain(found)

    @property
    def objects(self) -> list[StoredObject]:
        with self._guard:
            return sorted(self._objects, key=lambda item: item.key)

    def check_complete(self) -> None:
        """Every object of the set is in the store, with its size, before it is published."""
        have = {info.key: info.size for info in self.storage.walk(f"{self.set_id}/")}
        for item in self.objects:
            if have.get(f"{self.set_id}/{item.key}") != item.size:
                raise BackupError(f"{self.set_id}/{item.key} vanished from the store meanwhile")
