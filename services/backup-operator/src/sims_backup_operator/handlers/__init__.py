"""Kopf's part: watches tell what changed. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable

import kopf

from sims_backup_operator.handlers import jobs, resources
from sims_backup_operator.kube import Kind, Object

Saw = Callable[[Kind, str | None, Object], None]


def registry(saw: Saw) -> kopf.OperatorRegistry:
    found = kopf.OperatorRegistry()
    resources.register(found, saw)
    jobs.register(found, saw)
    kopf.on.login(registry=found)(kopf.login_with_service_account)
    return found


def settings() -> kopf.OperatorSettings:
    """Watches end by themselves and are seen to be dead; nothing is written by Kopf."""
    found = kopf.OperatorSettings()
    found.scanning.disabled = True  # a namespaced Role may not watch CRDs and namespaces
    found.posting.enabled = False  # Events are written with the status they tell of
    found.watching.server_timeout = 300
    found.watching.client_timeout = 310
    found.watching.connect_timeout = 30
    found.watching.inactivity_timeout = 70  # bookmarks come every 60 s
    found.networking.request_timeout = 30
    return found
