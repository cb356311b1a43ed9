"""The fence: named Deployments at 0 while a Swap works, and back to what they were.

The ledger, a ConfigMap, is written before anything is scaled. It outlives the operator and
the Restore: what it says is put back even when the Restore was deleted meanwhile.
"""

from __future__ import annotations

import json

from pydantic import BaseModel, Field

from sims_backup_operator.crds import Restore
from sims_backup_operator.kube import Changed, Kind, NotThere, Object
from sims_backup_operator.reconcile.attempts import SWAPPING
from sims_backup_operator.world import World
from sims_common.errors import Conflict
from sims_common.logs import get_logger

log = get_logger(__name__)

LEDGER = "sims-backup-fence"


class Entry(BaseModel):
    """What one Restore stopped: replicas by Deployment."""

    restore: str
    replicas: dict[str, int] = Field(default_factory=dict)


async def lower(world: World, restore: Restore, names: list[str]) -> tuple[Entry, list[str]]:
    """Records, scales to 0; returns the entry and who still has pods. Safe to repeat.

    Raises ``Conflict`` for a Deployment that does not exist.
    """
    entry = (await entries(world)).get(restore.metadata.uid)
    if entry is None:
        replicas = {}
        for name in names:
            scale = await world.api.get(Kind.DEPLOYMENT, name, part="scale")
            if scale is None:
                raise Conflict(f"scaleDown names Deployment {name}, which does not exist")
            replicas[name] = int(scale["spec"].get("replicas", 0))
        entry = Entry(restore=restore.name, replicas=replicas)
        await _write(world, restore.metadata.uid, entry)
    still = []
    for name in entry.replicas:
        scale = await world.api.get(Kind.DEPLOYMENT, name, part="scale")
        if scale is None:
            continue
        if scale["spec"].get("replicas", 0):
            await _scale(world, name, 0)
            log.info("deployment stopped for a restore", deployment=name, restore=restore.name)
        if scale.get("status", {}).get("replicas", 0):
            still.append(name)
    return entry, still


async def lift(world: World, uid: str) -> list[str]:
    """Puts back what the entry says, then forgets it. Safe to repeat.

    A Deployment that somebody scaled up meanwhile is left as it is; one that is gone too.
    """
    entry = (await entries(world)).get(uid)
    if entry is None:
        return []
    for name, replicas in entry.replicas.items():
        scale = await world.api.get(Kind.DEPLOYMENT, name, part="scale")
        if scale is None or scale["spec"].get("replicas", 0) or not replicas:
            continue
        await _scale(world, name, replicas)
        log.info("deployment started again", deployment=name, replicas=replicas)
    await _write(world, uid, None)
    return sorted(entry.replicas)


async def lift_orphans(world: World) -> list[str]:
    """For Restores that ended or are gone. Returns the names of what was started again."""
    found = await entries(world)
    if not found:
        return []
    at_work = {
        restore.metadata.uid
        for restore in await world.read_all(Restore)
        if restore.metadata.deletion_timestamp is None
        and (restore.status.phase in SWAPPING or restore.status.undo.phase in SWAPPING)
    }
    started = []
    for uid in found.keys() - at_work:
        started += await lift(world, uid)
    return started


async def entries(world: World) -> dict[str, Entry]:
    ledger = await world.api.get(Kind.CONFIG_MAP, LEDGER)
    data: dict[str, str] = (ledger or {}).get("data") or {}
    return {uid: Entry.model_validate_json(text) for uid, text in data.items()}


async def _write(world: World, uid: str, entry: Entry | None) -> None:
    """Raises ``Changed`` when somebody else wrote the ledger meanwhile."""
    ledger = await world.api.get(Kind.CONFIG_MAP, LEDGER)
    if ledger is None:
        raise Conflict(
            f"ConfigMap {LEDGER} is missing, so nothing was stopped; the chart makes it "
            "(helm upgrade), or kubectl create configmap"
        )
    text = json.dumps(entry.model_dump(mode="json"), sort_keys=True) if entry else None
    body: Object = {
        "metadata": {"resourceVersion": ledger["metadata"]["resourceVersion"]},
        "data": {uid: text},
    }
    await world.api.patch(Kind.CONFIG_MAP, LEDGER, body)


async def _scale(world: World, name: str, replicas: int) -> None:
    try:
        await world.api.patch(Kind.DEPLOYMENT, name, {"spec": {"replicas": replicas}}, part="scale")
    except NotThere:
        log.warning("deployment is gone", deployment=name)
    except Changed:
        log.info("deployment changed meanwhile; the next look decides", deployment=name)
        raise
