"""Keeping the pin in the storage what ``spec.pinned`` says."""

from __future__ import annotations

from sims_backup.contract.exits import Exit
from sims_backup_operator.crds import Backup
from sims_backup_operator.reconcile.attempts import SOON, once
from sims_backup_operator.reconcile.available import usable
from sims_backup_operator.resources import tasks
from sims_backup_operator.resources.names import job_name
from sims_backup_operator.status import with_conditions
from sims_backup_operator.world import World


async def keep_pin(world: World, backup: Backup) -> float | None:
    """For an ended Backup. A failure stays in the condition Pinned until the spec changes."""
    status, wanted = backup.status, backup.spec.pinned
    if status.phase != "Completed" or status.pinned == wanted:
        return None
    generation = backup.metadata.generation
    told = next((c for c in status.conditions if c.type == "Pinned"), None)
    if told is not None and told.status == "Unknown" and told.observed_generation == generation:
        return None
    storage, _, _ = await usable(world, backup.spec.storage_ref.name)
    if storage is None:
        return None  # the next resync asks again
    name = job_name(backup, f"p{generation}")
    run, other = await once(
        world, backup, name, lambda: tasks.pin(storage, status.set_id, pinned=wanted)
    )
    if other is not None or not run.finished:
        return SOON
    # Refused: pinned already; not found: unpinned already. The next listing tells the truth.
    done = run.exit_code in {Exit.OK, Exit.REFUSED, Exit.NOT_FOUND}
    verb = "pinned" if wanted else "unpinned"
    conditions = with_conditions(
        status.conditions,
        generation,
        world.now(),
        Pinned=(
            ("True" if wanted else "False", "Done", verb)
            if done
            else ("Unknown", run.reason, f"not {verb}: {run.why}; change spec.pinned to try again")
        ),
    )
    update: dict[str, object] = {"conditions": conditions}
    if done:
        update["pinned"] = wanted
    saved = await world.save(backup, status.model_copy(update=update))
    await world.tell(saved, "Pinned", verb if done else run.why, warning=not done)
    return None
