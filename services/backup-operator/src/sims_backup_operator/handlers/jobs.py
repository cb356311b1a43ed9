"""Events of the Jobs that the operator made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kopf

from sims_backup_operator.kube import Kind, Object
from sims_backup_operator.resources.names import MANAGED

Saw = Callable[[Kind, str | None, Object], None]


def register(registry: kopf.OperatorRegistry, saw: Saw) -> None:
    @kopf.on.event("batch", "v1", "jobs", labels=MANAGED, registry=registry)
    async def seen(event: Any, **_: Any) -> None:
        saw(Kind.JOB, event["type"], event["object"])
