"""Copies of a new set in the further targets."""

from __future__ import annotations

from sims_backup.contract.manifest import Manifest
from sims_backup.engine.context import Context
from sims_backup.engine.sync import copy_set
from sims_backup.errors import BackupError
from sims_backup.repository import Repository
from sims_backup.storage.targets import open_target
from sims_common.logs import get_logger

log = get_logger(__name__)


def copies(context: Context, manifest: Manifest) -> dict[str, str]:
    """Target to ``ok`` or its error; one that fails does not spoil the others."""
    outcome: dict[str, str] = {}
    for text in context.settings.targets[1:]:
        try:
            with (
                open_target(text, context.settings) as storage,
                context.progress.stage(f"copy to {storage.name}", manifest.size),
            ):
                target = Repository(storage)
                target.adopt(context.installation_id)
                copy_set(context, target, manifest)
            outcome[text] = "ok"
        except BackupError as error:
            log.error("further target failed", target=text, error=error.detail)  # noqa: TRY400  the error is told, its trace adds nothing
            outcome[text] = error.detail
    return outcome
