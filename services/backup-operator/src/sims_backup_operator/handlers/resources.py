"""Events of the four resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kopf

from sims_backup_operator.crds.common import GROUP, VERSION
from sims_backup_operator.kube import OWN_KINDS, Kind, Object

Saw = Callable[[Kind, str | None, Object], None]


def register(registry: kopf.OperatorRegistry, saw: Saw) -> None:
    """``on.event`` adds neither finalizers nor annotations, as Kopf's other handlers do."""
    for kind in OWN_KINDS:
        kopf.on.event(GROUP, VERSION, kind.plural, id=kind.plural, registry=registry)(
            _handler(kind, saw)
        )


def _handler(kind: Kind, saw: Saw) -> Callable[..., Any]:
    async def seen(event: Any, **_: Any) -> None:
        saw(kind, event["type"], event["object"])

    return seen
