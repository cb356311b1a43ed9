"""What a restore's Job gave, as fields of the status; and the mark on its Backup."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sims_backup.contract.results import DrillResult, PlanResult, RestoreResult, UndoResult
from sims_backup_operator.crds import Backup
from sims_backup_operator.crds.restore import LostRows, PlanStatus
from sims_backup_operator.reconcile.work import Outcome, Work
from sims_backup_operator.runs import Run
from sims_backup_operator.status import with_conditions
from sims_backup_operator.texts import duration, short
from sims_backup_operator.world import World

_TABLES, _LINES = 50, 20

Folded = tuple[dict[str, object], Outcome, str, str]


async def fold(work: Work, run: Run) -> Folded:
    """Fields, outcome, reason, message. For a Run that is ``done``."""
    data: dict[str, Any] = run.result or {}
    if work.undo:
        return _undone(UndoResult.model_validate(data))
    match work.restore.spec.mode:
        case "Plan":
            return _planned(PlanResult.model_validate(data))
        case "Drill":
            result = DrillResult.model_validate(data)
            await mark(work.world, work.restore.status.storage, result, work.world.now())
            return drilled(result)
        case "Swap":
            return _swapped(RestoreResult.model_validate(data))


def _undone(result: UndoResult) -> Folded:
    note = " by an earlier run" if result.adopted else ""
    text = f"{result.database} is what it was before restore {result.restore_id}{note}"
    return {"set_aside": result.set_aside}, "Succeeded", "Undone", text


def _swapped(result: RestoreResult) -> Folded:
    fields: dict[str, object] = {
        "set_id": result.id,
        "duration": duration(result.duration),
        "safety_backup": result.safety_backup or "",
        "kept_database": result.kept_database or "",
        "kept_until": result.kept_until,
        "closed_for": duration(result.swap_seconds) if result.swap_seconds else "",
        "warnings": [short(item, 300) for item in result.warnings[:_LINES]],
        "recovery_time": duration(result.duration),
        "recovery_seconds": round(result.duration, 3),
    }
    text = f"{result.database} is at {result.id}"
    if result.adopted:
        text += "; an earlier run of this request had done it"
    return fields, "Succeeded", "Restored", text


def drilled(result: DrillResult) -> Folded:
    fields: dict[str, object] = {
        "set_id": result.id,
        "duration": duration(result.recovery_time),
        "recovery_time": duration(result.recovery_time) if result.passed else "",
        "recovery_seconds": round(result.recovery_time, 3) if result.passed else 0,
        "warnings": [short(item, 300) for item in result.problems[:_LINES]],
    }
    if not result.passed:
        return fields, "Failed", "NotProven", "; ".join(result.problems[:3]) or "the drill failed"
    text = f"{result.rows} rows in {result.tables} tables are back as they were"
    return fields, "Succeeded", "Proven", text


def _planned(result: PlanResult) -> Folded:
    lost = back = 0
    for table in result.tables:
        change = (table.rows_then or 0) - (table.rows_now or 0)
        back, lost = back + max(change, 0), lost + max(-change, 0)
    plan = PlanStatus(
        snapshot_at=result.snapshot_at,
        rows_lost=lost,
        rows_back=back,
        tables=[
            LostRows(table=item.table, now=item.rows_now, then=item.rows_then)
            for item in result.tables[:_TABLES]
        ],
        schema_changes=[short(item, 300) for item in result.schema_changes[:_LINES]],
        media_missing=result.media_missing_here,
        media_changed=result.media_different_here,
        warnings=[short(item, 300) for item in result.warnings[:_LINES]],
    )
    text = (
        f"a Swap takes {result.database} back to {result.snapshot_at:%Y-%m-%d %H:%M} UTC: "
        f"{lost} rows go, {back} come back"
    )
    return {"plan": plan, "set_id": result.id}, "Succeeded", "Planned", text


async def mark(world: World, storage: str, result: DrillResult, at: datetime) -> None:
    """Tells the Backup of the drilled set; the storage keeps the same mark."""
    for backup in await world.read_all(Backup):
        if backup.status.set_id != result.id or backup.spec.storage_ref.name != storage:
            continue
        if backup.status.phase != "Completed":
            continue
        generation = backup.metadata.generation
        told = "; ".join(result.problems[:3]) or f"restored in {duration(result.recovery_time)}"
        conditions = with_conditions(
            backup.status.conditions,
            generation,
            at,
            Verified=(
                "True" if result.passed else "False",
                "Drilled" if result.passed else "DrillFailed",
                short(told),
            ),
        )
        update: dict[str, object] = {"conditions": conditions}
        if result.passed:
            update |= {
                "verified_at": at,
                "recovery_time": duration(result.recovery_time),
                "recovery_seconds": round(result.recovery_time, 3),
            }
        await world.save(backup, backup.status.model_copy(update=update))
