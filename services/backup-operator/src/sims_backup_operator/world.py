"""What every reconcile works with: the API, the clock, the shape of Jobs, one lock."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sims_backup_operator.crds import Backup, BackupSchedule, BackupStorage, Restore
from sims_backup_operator.crds.common import API_VERSION, Model, Resource
from sims_backup_operator.kube import Api, ApiError, Exists, Kind, Object
from sims_backup_operator.settings import JobShape
from sims_backup_operator.status import check_phase
from sims_common.logs import get_logger

log = get_logger(__name__)

MODELS: dict[Kind, type[Resource[Any, Any]]] = {
    Kind.BACKUP: Backup,
    Kind.SCHEDULE: BackupSchedule,
    Kind.RESTORE: Restore,
    Kind.STORAGE: BackupStorage,
}
KINDS = {model: kind for kind, model in MODELS.items()}

R = TypeVar("R", bound=Resource[Any, Any])


@dataclass
class World:
    """``exclusive`` is held from the look for running Jobs until a new one is made."""

    api: Api
    shape: JobShape
    namespace: str
    now: Callable[[], datetime]
    deletion_grace: timedelta = timedelta(seconds=60)
    exclusive: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, model: type[R], name: str) -> R | None:
        """None when it is gone, or going."""
        found = await self.api.get(KINDS[model], name)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return None
        return model.model_validate(found)

    async def read_all(self, model: type[R], labels: dict[str, str] | None = None) -> list[R]:
        """Oldest first."""
        found = [model.model_validate(item) for item in await self.api.list(KINDS[model], labels)]
        return sorted(found, key=lambda item: (str(item.metadata.creation_timestamp), item.name))

    async def save(self, resource: R, status: Model) -> R:
        """Writes the status when it differs; refuses to take a phase back.

        Raises ``Changed`` when somebody wrote since the object was read: look again then.
        """
        old = resource.status.model_dump(mode="json", by_alias=True, exclude_unset=True)
        new = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        if old == new:
            return resource
        if "phase" in new and KINDS[type(resource)] in {Kind.BACKUP, Kind.RESTORE}:
            check_phase(old.get("phase", ""), new["phase"])
        body = {
            "metadata": {"resourceVersion": resource.metadata.resource_version},
            "status": difference(old, new),
        }
        kind = KINDS[type(resource)]
        found = await self.api.patch(kind, resource.name, body, part="status")
        return type(resource).model_validate(found)

    async def tell(
        self, resource: Resource[Any, Any], reason: str, message: str, *, warning: bool = False
    ) -> None:
        """A Kubernetes Event; the same one twice is written once. Its loss costs nothing."""
        kind = type(resource).__name__
        uid = resource.metadata.uid
        text = message[:1000]
        digest = hashlib.sha256(f"{uid}/{reason}/{text}".encode()).hexdigest()[:16]
        stamp = self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        body: Object = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{resource.name[:200]}.{digest}", "namespace": self.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": kind,
                "name": resource.name,
                "namespace": self.namespace,
                "uid": uid,
            },
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": text,
            "source": {"component": "sims-backup-operator"},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
        level = log.warning if warning else log.info
        level("event", kind=kind, name=resource.name, reason=reason, message=text)
        try:
            await self.api.create(Kind.EVENT, body)
        except Exists:
            return
        except ApiError as error:
            log.warning("event not posted", reason=reason, error=error.detail)


def difference(old: Object, new: Object) -> Object:
    """A merge patch from old to new: what is gone becomes null."""
    patch: Object = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if value != before:
                patch[key] = difference(before, value)
        elif value != before:
            patch[key] = value
    return patch


def owner(resource: Resource[Any, Any]) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": type(resource).__name__,
        "name": resource.name,
        "uid": resource.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def is_owned(child: Object, resource: Resource[Any, Any]) -> bool:
    owners = child["metadata"].get("ownerReferences") or []
    return any(item.get("uid") == resource.metadata.uid for item in owners)
