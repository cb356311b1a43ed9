"""Whether a storage may be used now."""

from __future__ import annotations

from datetime import timedelta

from sims_backup_operator.crds import BackupStorage
from sims_backup_operator.world import World


async def usable(world: World, name: str) -> tuple[BackupStorage | None, str, str]:
    """The storage when it can be used; else (None, reason, message)."""
    storage = await world.read(BackupStorage, name)
    if storage is None:
        return None, "StorageNotFound", f"there is no BackupStorage {name}; make it"
    status = storage.status
    if status.phase == "Unavailable":
        return None, "StorageUnavailable", f"BackupStorage {name}: {status.message}"
    age = timedelta(seconds=3 * storage.spec.probe_interval_seconds + 300)
    seen = status.last_available_time
    if status.phase != "Available" or seen is None or world.now() - seen > age:
        return None, "StorageNotProbed", f"BackupStorage {name} is being probed"
    return storage, "", ""
