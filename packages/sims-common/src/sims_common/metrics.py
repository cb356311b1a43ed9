"""Prometheus metrics with fixed names (docs/architecture.md lists them all)."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, Info

from sims_common.version import app_version

_WEB_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_JOB_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_WAIT_BUCKETS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)

HTTP_DURATION = Histogram(
    "sims_http_request_duration_seconds",
    "Time to answer; route is the template, never the path",
    ["route", "method", "status"],
    buckets=_WEB_BUCKETS,
)
HEALTH_CHECK = Gauge("sims_health_check", "1 while the check of the health report holds", ["check"])
HTTP_IN_PROGRESS = Gauge("sims_http_requests_in_progress", "Requests being answered")

DB_POOL = Gauge("sims_db_pool_connections", "Connections of the pool", ["state"])

QUEUE_JOBS = Gauge("sims_queue_jobs", "Jobs by queue and state", ["queue", "state"])
QUEUE_OLDEST = Gauge(
    "sims_queue_oldest_job_age_seconds", "Age of the oldest job that waits", ["queue"]
)
JOBS = Counter("sims_jobs_total", "Jobs that ended", ["job", "result"])
JOB_DURATION = Histogram(
    "sims_job_duration_seconds", "Time a job took", ["job"], buckets=_JOB_BUCKETS
)
WORKER_LOOP_AGE = Gauge(
    "sims_worker_loop_age_seconds", "Time since a loop of the worker last went round", ["loop"]
)
JOBS_RECOVERED = Counter(
    "sims_jobs_recovered_total", "Jobs put back after a lost worker or queue", ["reason"]
)

TRANSCRIPTS = Counter("sims_transcripts_total", "Transcript requests that ended", ["result"])
TRANSCRIPT_RENDER = Histogram(
    "sims_transcripts_render_duration_seconds", "Time to render one PDF", buckets=_WEB_BUCKETS
)
TRANSCRIPT_WAIT = Histogram(
    "sims_transcripts_request_to_sent_seconds",
    "Time from the request to the relay's acceptance",
    buckets=_WAIT_BUCKETS,
)
TRANSCRIPT_DUPLICATES = Counter(
    "sims_transcripts_possible_duplicates_total",
    "Mails sent again because a worker died while the relay had them",
)


def announce(service: str) -> None:
    """Registers ``sims_build_info{service,version}``."""
    Info("sims_build", "Version that runs").info({"service": service, "version": app_version()})
