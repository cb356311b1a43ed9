"""Composition root of the worker process.

Threads: main (RQ's loop, runs the jobs), dispatcher, pulse (leases and heartbeats),
side-port (health and metrics), shutdown (signals).
"""

from __future__ import annotations

import sys
import threading

from sims_common import logs, metrics
from sims_common.settings import load
from sims_common.side_port import SidePort
from sims_core import db
from sims_core.jobs import JobQueue, connect
from sims_core.press import Press, SigningKeyInvalid, build
from sims_worker import jobs
from sims_worker.database import Patient
from sims_worker.dispatcher import Dispatcher
from sims_worker.health import WorkerHealth
from sims_worker.heartbeat import Heartbeat
from sims_worker.jobs.runner import JobRunner
from sims_worker.listener import Listener
from sims_worker.pulse import Pulse
from sims_worker.queue_worker import QueueWorker, name, work_until_stopped
from sims_worker.settings import WorkerSettings
from sims_worker.shutdown import Shutdown
from sims_worker.transcripts.handler import TranscriptHandler

log = logs.get_logger(__name__)

SERVICE = "sims-worker"


class WorkerProcess:
    """Everything the process is made of, wired once."""

    def __init__(self, settings: WorkerSettings) -> None:
        redis_url = settings.redis_url.get_secret_value()
        self.stopping = threading.Event()
        self.main_loop = Heartbeat()
        self.pulse = Pulse()
        self.engine = db.engine(settings, service=SERVICE, pool_size=4)
        self.listen_engine = db.engine(settings, service=f"{SERVICE}-listen", pool_size=0)
        self.health_engine = db.engine(
            settings, service=f"{SERVICE}-health", pool_size=1, statement_timeout=2
        )
        self.redis = connect(redis_url)
        self.work_redis = connect(redis_url, socket_timeout=None)  # RQ sets one above its waits
        self.runner = JobRunner(
            patient=Patient(self.engine, stopping=self.stopping, beat=self.main_loop.beat),
            pulse=self.pulse,
            handler=TranscriptHandler(settings, _press(settings)),
            stopping=self.stopping,
            beat=self.main_loop.beat,
            worker=name(),
            retry_base=settings.worker_retry_base,
        )
        self.dispatcher = Dispatcher(
            engine=self.engine,
            queue=JobQueue(self.redis),
            listener=Listener(self.listen_engine),
            heartbeat=Heartbeat(),
        )
        health = WorkerHealth(
            self.health_engine, self.redis, self.main_loop, self.dispatcher.heartbeat
        )
        self.side_port = _side_port(settings, health)
        self.shutdown = Shutdown(
            self.stopping, grace=settings.worker_stop_timeout, force=self.runner.give_back
        )

    def run(self) -> None:
        """Returns after SIGTERM or SIGINT, once the running job has come to a safe point."""
        jobs.install(self.runner)
        self.shutdown.install()
        self.pulse.start()
        self.dispatcher.start()
        self.side_port.start()
        log.info("worker ready", worker=self.runner.worker)
        work_until_stopped(self._queue_worker, stopping=self.stopping, beat=self.main_loop.beat)
        self.dispatcher.stop()
        self.pulse.stop()
        self.side_port.stop()
        for engine in (self.engine, self.listen_engine, self.health_engine):
            engine.dispose()
        log.info("worker stopped")

    def _queue_worker(self) -> QueueWorker:
        return QueueWorker(
            JobQueue(self.work_redis),
            connection=self.work_redis,
            pulse=self.pulse,
            stopping=self.stopping,
            beat=self.main_loop.beat,
        )


def _press(settings: WorkerSettings) -> Press:
    """A worker that cannot sign has nothing to do: it ends with exit code 78 (EX_CONFIG)."""
    try:
        press = build(settings)
    except SigningKeyInvalid as error:
        sys.stderr.write(f"SIMS_SIGNING_KEY, SIMS_SIGNING_CERTIFICATE: {error}\n")
        raise SystemExit(78) from None
    log.info(
        "documents are signed",
        subject=press.identity.subject,
        demonstration=press.identity.demonstration,
    )
    return press


def _side_port(settings: WorkerSettings, health: WorkerHealth) -> SidePort:
    host, port = settings.worker_side_host, settings.worker_side_port
    try:
        return SidePort(
            host, port, health=health.report, alive=health.alive, collect=health.collect
        )
    except OSError as error:
        raise SystemExit(
            f"SIMS_WORKER_SIDE_PORT: cannot listen on {host}:{port}: {error.strerror}."
            " Set another port."
        ) from error


def main() -> None:
    settings = load(WorkerSettings)
    logs.configure(settings, service="worker")
    metrics.announce("worker")
    WorkerProcess(settings).run()
