"""The Lease: of several replicas one acts. Lost, the process ends; the next start waits.

Kopf's peering runs alone without a word when its object is missing, so the Lease is ours
(docs/adr/0043). What two could still do at once is harmless: Jobs have one name, statuses
are written with a precondition, and the engine locks in the database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from sims_backup_operator.kube import Api, ApiError, Changed, Exists, Kind, Object
from sims_common.logs import get_logger

log = get_logger(__name__)


class LeaseLost(Exception):
    """Somebody else holds it, or it could not be renewed in time."""


class Lease:
    """``held`` is true from ``acquire`` until it could have expired."""

    def __init__(
        self,
        api: Api,
        name: str,
        identity: str,
        duration: float,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api, self._name, self._identity = api, name, identity
        self._duration, self._now, self._monotonic = duration, now, monotonic
        self._renewed: float | None = None
        self._seen: tuple[str, float] = ("", 0.0)

    @property
    def held(self) -> bool:
        return self._renewed is not None and self._monotonic() - self._renewed < self._duration

    async def acquire(self) -> None:
        """Returns when it is ours."""
        while True:
            try:
                if await self.try_once():
                    log.info("lease acquired", lease=self._name, identity=self._identity)
                    return
            except ApiError as error:
                log.warning("lease not acquired", lease=self._name, error=error.detail)
            await asyncio.sleep(self._duration / 5)

    async def keep(self) -> None:
        """Renews; raises ``LeaseLost``."""
        while True:
            await asyncio.sleep(self._duration / 5)
            try:
                if not await self.try_once():
                    raise LeaseLost("another replica holds the lease")
            except ApiError as error:
                log.warning("lease not renewed", lease=self._name, error=error.detail)
            if not self.held:
                raise LeaseLost(f"not renewed for {self._duration} s")

    async def try_once(self) -> bool:
        """Takes or renews it; False when another holds it."""
        began = self._monotonic()
        found = await self._api.get(Kind.LEASE, self._name)
        try:
            if found is None:
                body = {"metadata": {"name": self._name}, "spec": self._spec()}
                await self._api.create(Kind.LEASE, body)
            elif self._free(found["spec"]):
                version = found["metadata"]["resourceVersion"]
                body = {"metadata": {"resourceVersion": version}, "spec": self._spec()}
                await self._api.patch(Kind.LEASE, self._name, body)
            else:
                return False
        except (Changed, Exists):
            return False
        self._renewed = began
        return True

    async def release(self) -> None:
        """So that the next replica need not wait."""
        if not self.held:
            return
        self._renewed = None
        body = {"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}}
        try:
            await self._api.patch(Kind.LEASE, self._name, body)
        except ApiError as error:
            log.warning("lease not released", error=error.detail)

    def _free(self, spec: Object) -> bool:
        """Ours, nobody's, or unchanged for its whole duration by our own clock."""
        holder = spec.get("holderIdentity") or ""
        if holder in {"", self._identity}:
            return True
        stamp = f"{holder}/{spec.get('renewTime')}"
        if stamp != self._seen[0]:
            self._seen = (stamp, self._monotonic())
            return False
        limit = float(spec.get("leaseDurationSeconds") or self._duration)
        return self._monotonic() - self._seen[1] > limit

    def _spec(self) -> Object:
        stamp = self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._duration)),
            "renewTime": stamp,
        }
