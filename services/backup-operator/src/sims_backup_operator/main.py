"""``sims-backup-operator``: wiring and life of the process."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import timedelta

import kopf
from prometheus_client import REGISTRY

from sims_backup_operator import handlers
from sims_backup_operator.kube import Connection, HttpApi
from sims_backup_operator.lease import Lease, LeaseLost
from sims_backup_operator.metrics import ResourceCollector
from sims_backup_operator.service import Service
from sims_backup_operator.settings import JobShape, OperatorSettings, read_job_shape
from sims_backup_operator.world import World
from sims_common import logs, metrics
from sims_common.clock import now
from sims_common.logs import get_logger
from sims_common.settings import load
from sims_common.side_port import SidePort

log = get_logger(__name__)

_LEASE_LOST = 75  # EX_TEMPFAIL: the next start waits for the lease


async def run(settings: OperatorSettings, shape: JobShape) -> int:
    """Until SIGTERM, a dead watch, or a lost Lease; returns the exit code."""
    namespace = settings.operator_namespace
    async with HttpApi(Connection.in_cluster(namespace)) as api:
        grace = timedelta(seconds=settings.operator_deletion_grace)
        world = World(api, shape, namespace, now, grace)
        lease = Lease(
            api,
            settings.operator_lease,
            settings.operator_identity,
            settings.operator_lease_duration,
            now,
        )
        service = Service(
            world,
            lease,
            resync=settings.operator_resync,
            workers=settings.operator_workers,
        )
        REGISTRY.register(ResourceCollector(service.snapshot))
        side_port = SidePort(
            settings.operator_side_host,
            settings.operator_side_port,
            health=service.health,
            alive=service.alive,
        )
        side_port.start()
        try:
            return await _work(service, settings)
        finally:
            await lease.release()
            side_port.stop()


async def _work(service: Service, settings: OperatorSettings) -> int:
    """Kopf's watches and our work, side by side; the first that ends takes the other along."""
    watches = asyncio.create_task(
        kopf.operator(
            registry=handlers.registry(service.saw),
            settings=handlers.settings(),
            namespaces=[settings.operator_namespace],
            standalone=True,
            identity=settings.operator_identity,  # type: ignore[arg-type]  # a str by another name
        )
    )
    work = asyncio.create_task(service.lead())
    await asyncio.wait({watches, work}, return_when=asyncio.FIRST_COMPLETED)
    for task in (watches, work):
        task.cancel()
    results = await asyncio.gather(watches, work, return_exceptions=True)
    failures = [item for item in results if isinstance(item, Exception)]
    for failure in failures:
        log.error("operator stopped", error=repr(failure))
    lost = [f for f in failures if isinstance(f, ExceptionGroup) and f.subgroup(LeaseLost)]
    if lost:
        return _LEASE_LOST
    return 1 if failures else 0


def main() -> None:
    settings = load(OperatorSettings)
    logs.configure(settings, service="backup-operator")
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # else a line for each event
    metrics.announce("backup-operator")
    sys.exit(asyncio.run(run(settings, read_job_shape(settings.operator_jobs))))


if __name__ == "__main__":
    main()
