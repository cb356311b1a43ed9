"""The sets of one store: listing, claiming, publishing, marks, removal.

The order of writes and removals is docs/backup-format.md; this module alone knows it.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import TypeVar

from pydantic import BaseModel

from sims_backup.contract.manifest import Manifest, Record
from sims_backup.contract.naming import SET_ID as _ID
from sims_backup.contract.naming import set_id as make_id
from sims_backup.contract.results import Mark, Pin, State, Tombstone
from sims_backup.errors import (
    AlreadyExists,
    BackupError,
    Busy,
    ObjectDamaged,
    Refused,
    SetNotFound,
)
from sims_backup.parallel import Deadline, Workers
from sims_backup.seal import seal, unseal
from sims_backup.storage import ObjectInfo, Storage
from sims_backup.streams import read_all
from sims_common.clock import now
from sims_common.logs import get_logger

log = get_logger(__name__)

M = TypeVar("M", bound=BaseModel)

SHARED = {"media", "marks", "pins", "tombstones", "probe"}
MANIFEST, CLAIM, STORE = "manifest.json", "claim.json", "store.json"
_READERS = 8


class StoreIdentity(Record):
    format_version: int
    installation_id: str
    created_at: datetime


class Claim(Record):
    set_id: str
    installation_id: str
    host: str
    pid: int
    nonce: str
    at: datetime


@dataclass(frozen=True)
class StoredSet:
    """A published set with what is known about it."""

    manifest: Manifest
    marks: list[Mark] = field(default_factory=list)
    pin: Pin | None = None

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def state(self) -> State:
        """The newest verification decides; publication counts when it read everything back."""
        if self.marks:
            return "verified" if self.marks[-1].passed else "failed"
        return "verified" if self.manifest.verified_at else "unverified"

    @property
    def verified_at(self) -> datetime | None:
        passed = [mark.at for mark in self.marks if mark.passed]
        return max([*passed, *filter(None, [self.manifest.verified_at])], default=None)

    @property
    def recovery_time(self) -> float | None:
        drills = [m for m in self.marks if m.kind == "drill" and m.passed]
        return drills[-1].duration if drills else None


@dataclass(frozen=True)
class Contents:
    """Everything a listing found: good sets oldest first, and what is none."""

    sets: list[StoredSet]
    damaged: dict[str, str]
    unfinished: list[str]
    foreign: list[str] = field(default_factory=list)

    def latest(self) -> StoredSet:
        """The newest set whose last verification passed."""
        good = [item for item in self.sets if item.state == "verified"]
        if not good:
            raise SetNotFound("no verified backup here; `sims-backup list` shows what there is")
        return good[-1]


class Repository:
    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    # reading -----------------------------------------------------------------

    def contents(self) -> Contents:
        """Lists the store; raises when any part of the listing fails."""
        names = [name for name in self.storage.folders() if name not in SHARED]
        ids = [name for name in names if _ID.fullmatch(name)]
        marks, pins = self._marks(), self._pins()
        found: list[StoredSet] = []
        damaged: dict[str, str] = {}
        unfinished: list[str] = []
        with (
            closing(Deadline(3600.0)) as deadline,
            Workers(_READERS, deadline, "manifest") as workers,
        ):
            for set_id, manifest in zip(ids, workers.map(self._try_manifest, ids), strict=True):
                match manifest:
                    case Manifest():
                        found.append(StoredSet(manifest, marks.get(set_id, []), pins.get(set_id)))
                    case str():
                        damaged[set_id] = manifest
                    case None:
                        unfinished.append(set_id)
        found.sort(key=lambda item: (item.manifest.sequence, item.manifest.snapshot_at, item.id))
        return Contents(found, damaged, unfinished, sorted(set(names) - set(ids)))

    def find(self, name: str) -> StoredSet:
        """By id, or ``latest``."""
        if name == "latest":
            return self.contents().latest()
        if not _ID.fullmatch(name):
            raise SetNotFound(f"{name!r} is neither an id nor `latest`; see `sims-backup list`")
        marks = self._marks(name).get(name, [])
        return StoredSet(self.manifest(name), marks, self._pins(name).get(name))

    def manifest(self, set_id: str) -> Manifest:
        key = f"{set_id}/{MANIFEST}"
        try:
            manifest = self._read(Manifest, key)
        except SetNotFound:
            raise SetNotFound(
                f"no backup {set_id} in {self.storage.name}; `sims-backup list` shows them"
            ) from None
        if manifest.id != set_id:
            raise ObjectDamaged(f"{key}: belongs to {manifest.id}; it was copied by hand")
        return manifest

    def published(self, manifest: Manifest) -> bool:
        """Whether this very set is here. Raises when another one has its id, or it is damaged."""
        if self.storage.stat(f"{manifest.id}/{MANIFEST}") is None:
            return False
        if self.manifest(manifest.id) != manifest:
            raise Refused(f"{self.storage.name} has another backup with the id {manifest.id}")
        return True

    def _try_manifest(self, set_id: str) -> Manifest | str | None:
        try:
            return self.manifest(set_id)
        except ObjectDamaged as error:
            return error.detail
        except SetNotFound:
            return None

    def _read(self, kind: type[M], key: str) -> M:
        with self.storage.open(key) as body:
            return unseal(kind, read_all(body), name=f"{self.storage.name}/{key}")

    def _marks(self, set_id: str = "") -> dict[str, list[Mark]]:
        """Marks by set, oldest first. A damaged mark reads as a failed verification."""
        found: dict[str, list[Mark]] = {}
        for info in self.storage.walk(f"marks/{set_id}"):
            owner = info.key.split("/")[1]
            try:
                mark = self._read(Mark, info.key)
            except ObjectDamaged as error:
                mark = Mark(
                    set_id=owner,
                    kind="verify",
                    at=info.modified,
                    passed=False,
                    duration=0,
                    problems=[error.detail],
                    by="unknown",
                )
            found.setdefault(owner, []).append(mark)
        return {owner: sorted(marks, key=lambda m: m.at) for owner, marks in found.items()}

    def _pins(self, set_id: str = "") -> dict[str, Pin]:
        """Pins by set. A damaged pin still pins."""
        found: dict[str, Pin] = {}
        for info in self.storage.walk(f"pins/{set_id}"):
            owner = info.key.removeprefix("pins/").removesuffix(".json")
            try:
                found[owner] = self._read(Pin, info.key)
            except ObjectDamaged:
                found[owner] = Pin(set_id=owner, at=info.modified, reason="(pin is damaged)")
        return found

    def tombstones(self) -> dict[str, Tombstone]:
        """Sets that retention removed. A damaged one counts for nothing."""
        found: dict[str, Tombstone] = {}
        for info in self.storage.walk("tombstones/"):
            try:
                stone = self._read(Tombstone, info.key)
            except ObjectDamaged:
                continue
            found[stone.set_id] = stone
        return found

    def removed_ids(self) -> list[str]:
        """Ids that have a tombstone; one listing, nothing is read."""
        keys = (info.key for info in self.storage.walk("tombstones/"))
        return sorted(key.removeprefix("tombstones/").removesuffix(".json") for key in keys)

    def objects(self, set_id: str) -> list[ObjectInfo]:
        return list(self.storage.walk(f"{set_id}/"))

    # writing -----------------------------------------------------------------

    def adopt(self, installation_id: str) -> None:
        """Makes or checks ``store.json``; a store is one installation's."""
        if self.storage.stat(STORE) is None:
            if any(_ID.fullmatch(name) for name in self.storage.folders()):
                raise Refused(
                    f"{self.storage.name} holds backups but its {STORE} is gone: a lifecycle rule "
                    "or a person deleted objects here. Check the store; put the file back from a "
                    "copy, or choose an empty directory or prefix"
                )
            identity = StoreIdentity(
                format_version=1, installation_id=installation_id, created_at=now()
            )
            self._write(STORE, identity)
            return
        identity = self._read(StoreIdentity, STORE)
        if identity.installation_id != installation_id:
            raise Refused(
                f"{self.storage.name} belongs to installation {identity.installation_id}, this is "
                f"{installation_id}. Choose another directory or prefix; or, when this "
                "installation continues that one, set "
                f"SIMS_INSTALLATION_ID={identity.installation_id}"
            )

    def claim(self, prefix: str, installation_id: str, started_at: datetime) -> Claim:
        """A new id that is ours; the claim is the set's first object."""
        for number in range(1, 100):
            set_id = make_id(prefix, started_at, number)
            try:
                return self.claim_id(set_id, installation_id, started_at)
            except AlreadyExists:
                continue
        raise Busy(f"a hundred ids of {started_at:%H:%M:%S} are taken; try again")

    def claim_id(self, set_id: str, installation_id: str, started_at: datetime) -> Claim:
        """Claims this very id; ``AlreadyExists`` when somebody has it."""
        claim = Claim(
            set_id=set_id,
            installation_id=installation_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            nonce=uuid.uuid4().hex,
            at=started_at,
        )
        try:
            self._write(f"{set_id}/{CLAIM}", claim)
        except AlreadyExists:
            raise
        except BaseException:
            self._unclaim(claim)
            raise
        return claim

    def _unclaim(self, claim: Claim) -> None:
        """After a failure or a signal: what may have been written all the same is removed."""
        key = f"{claim.set_id}/{CLAIM}"
        try:
            if self._read(Claim, key).nonce == claim.nonce:
                self.storage.delete([key])
        except BackupError as error:
            log.info("no claim to take back", set=claim.set_id, reason=error.detail)

    def check_claim(self, set_id: str) -> None:
        """Raises ``ObjectDamaged`` when the claim of a published set was changed.

        One that is gone is none: a sweeper that came too late took it and left the set.
        """
        try:
            self._read(Claim, f"{set_id}/{CLAIM}")
        except SetNotFound:
            log.info("a late sweeper took the claim", set=set_id)

    def publish(self, manifest: Manifest, claim: Claim) -> None:
        """Writes the manifest, then makes sure that nobody swept the set meanwhile."""
        self._write(f"{manifest.id}/{MANIFEST}", manifest, manifest.locked_until)
        try:
            kept = self._read(Claim, f"{manifest.id}/{CLAIM}").nonce == claim.nonce
        except SetNotFound:
            kept = False
        if not kept:
            self.storage.delete([f"{manifest.id}/{MANIFEST}"])
            raise Busy(f"{manifest.id} was swept by another process while it was written")

    def _write(self, key: str, record: BaseModel, lock_until: datetime | None = None) -> None:
        self.storage.put(key, BytesIO(seal(record)), lock_until=lock_until)

    def add_mark(self, mark: Mark) -> None:
        stamp = f"{mark.at:%Y%m%dT%H%M%SZ}"
        self._write(f"marks/{mark.set_id}/{stamp}-{mark.kind}-{uuid.uuid4().hex[:8]}.json", mark)

    def pin(self, pin: Pin) -> None:
        self.find(pin.set_id)
        try:
            self._write(f"pins/{pin.set_id}.json", pin)
        except AlreadyExists:
            raise Refused(f"{pin.set_id} is pinned already; unpin it first") from None

    def unpin(self, set_id: str) -> None:
        if self.storage.stat(f"pins/{set_id}.json") is None:
            raise SetNotFound(f"{set_id} is not pinned")
        self.storage.delete([f"pins/{set_id}.json"])

    def remove(self, set_id: str, reason: str) -> int:
        """Tombstone, manifest, rest; returns bytes freed. Safe to repeat."""
        if self.storage.stat(f"tombstones/{set_id}.json") is None:
            self._write(
                f"tombstones/{set_id}.json", Tombstone(set_id=set_id, at=now(), reason=reason)
            )
        self.storage.delete([f"{set_id}/{MANIFEST}"])
        return self.remove_rest(set_id)

    def remove_rest(self, set_id: str) -> int:
        """Removes what is left of a set without a manifest, its claim first."""
        self.storage.delete([f"{set_id}/{CLAIM}"])
        if self.storage.stat(f"{set_id}/{MANIFEST}") is not None:
            return 0  # its writer came first: the set is whole
        rest = self.objects(set_id)
        self.storage.delete(info.key for info in rest)
        self.storage.delete(info.key for info in self.storage.walk(f"marks/{set_id}/"))
        self.storage.delete(self._existing([f"pins/{set_id}.json"]))
        return sum(info.size for info in rest)

    def _existing(self, keys: Iterable[str]) -> list[str]:
        return [key for key in keys if self.storage.stat(key) is not None]
