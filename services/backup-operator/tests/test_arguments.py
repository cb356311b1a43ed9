"""What Jobs say to the engine is what its command line takes."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from sims_backup.main import app
from sims_backup_operator.crds import Backup, BackupSchedule, BackupStorage, Restore
from sims_backup_operator.resources import tasks
from sims_backup_operator.resources.job import Task

SET = "fmu_platform_20260301_120000"


def read(model: Any, **spec: Any) -> Any:
    metadata = {"name": "one", "namespace": "school", "uid": "uid-1"}
    return model.model_validate({"metadata": metadata, "spec": spec})


STORE: BackupStorage = read(BackupStorage, s3={"bucket": "school-backups"})
SHELF: BackupStorage = read(BackupStorage, local={"claimName": "shelf"})
BACKUP: Backup = read(Backup, storageRef={"name": "s3"})
SCHEDULE: BackupSchedule = read(
    BackupSchedule,
    schedule="0 2 * * *",
    template={"storageRef": {"name": "s3"}},
    retention={"days": 7},
    sync=[{"storageRef": {"name": "shelf"}, "mirror": True}],
)


def restore(mode: str, **more: Any) -> Restore:
    found: Restore = read(
        Restore, mode=mode, confirm="sims", backupRef={"name": "one"}, createRoles=True, **more
    )
    return found


TASKS = [
    tasks.probe(STORE, SCHEDULE),
    tasks.deletion(STORE, SET),
    tasks.backup(BACKUP, STORE, SET),
    tasks.pin(STORE, SET, pinned=True),
    tasks.pin(STORE, SET, pinned=False),
    tasks.restore(restore("Plan"), STORE, SET),
    tasks.restore(restore("Drill"), STORE, SET),
    tasks.restore(restore("Swap", safetyBackup=False), STORE, SET),
    tasks.undo(restore("Swap")),
    tasks.prune(SCHEDULE, STORE),
    tasks.sync(SCHEDULE.spec.sync[0], STORE, SHELF),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.purpose}-{len(task.arguments)}")
def test_the_engine_takes_the_arguments(task: Task) -> None:
    """Parsed by the engine's own parser; a wrong option or a surplus word would raise."""
    group: Any = typer.main.get_command(app)
    verb, *rest = task.arguments
    command = group.get_command(None, verb)
    assert command is not None
    command.make_context(verb, rest)
