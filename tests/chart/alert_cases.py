"""For each alert, series in which it fires and series in which it must not.

Values are promtool's: ``1x30`` repeats 1 for 30 intervals, ``0+3x30`` adds 3 each time.
"""

from __future__ import annotations

from dataclasses import dataclass

API = 'job="college/sims-api"'
WORKER = 'job="college/sims-worker"'
FIRES, SILENT = True, False
REQUESTS = "sims_http_request_duration_seconds_count"


@dataclass(frozen=True)
class Case:
    """``series`` by name, one value a minute; looked at after ``minute``."""

    alert: str
    fires: bool
    minute: int
    series: dict[str, str]


def _up(labels: str, pods: int, values: str) -> dict[str, str]:
    return {f'up{{{labels}, pod="{pod}"}}': values for pod in range(pods)}


def _check(labels: str, check: str, *values: str) -> dict[str, str]:
    return {
        f'sims_health_check{{{labels}, check="{check}", pod="{pod}"}}': value
        for pod, value in enumerate(values)
    }


def _requests(per_minute_ok: int, per_minute_failed: int) -> dict[str, str]:
    return {
        f'{REQUESTS}{{{API}, status="200"}}': f"0+{per_minute_ok}x30",
        f'{REQUESTS}{{{API}, status="503"}}': f"0+{per_minute_failed}x30",
    }


def _loop(values: str) -> dict[str, str]:
    return {f'sims_worker_loop_age_seconds{{{WORKER}, pod="0", loop="dispatcher"}}': values}


def _recovered(reason: str, values: str) -> dict[str, str]:
    return {f'sims_jobs_recovered_total{{{WORKER}, pod="0", reason="{reason}"}}': values}


def _ended(result: str, values: str) -> dict[str, str]:
    return {f'sims_transcripts_total{{{WORKER}, pod="0", result="{result}"}}': values}


def _waited(*, slow: str, all_: str) -> dict[str, str]:
    """Of ``all_`` that were sent, ``slow`` took between 15 and 60 minutes."""
    name = f"sims_transcripts_request_to_sent_seconds_bucket{{{WORKER}, "
    within = "0x60" if slow == all_ else all_
    return {
        f'{name}le="900"}}': within,
        f'{name}le="3600"}}': all_,
        f'{name}le="+Inf"}}': all_,
    }


CASES = (
    Case("SimsApiDown", FIRES, 5, _up(API, 2, "0x30")),
    Case("SimsApiDown", FIRES, 5, {}),
    Case("SimsApiDown", SILENT, 5, {**_up(API, 1, "0x30"), f'up{{{API}, pod="9"}}': "1x30"}),
    Case("SimsApiDown", SILENT, 3, _up(API, 1, "0 0 1x30")),
    Case("SimsApiErrors", FIRES, 20, _requests(90, 10)),
    Case("SimsApiErrors", SILENT, 20, _requests(98, 2)),
    # At night: one of three requests fails, and nobody is woken.
    Case("SimsApiErrors", SILENT, 20, _requests(2, 1)),
    Case("SimsDatabaseDown", FIRES, 5, _check(API, "db", "0x30", "0x30")),
    Case("SimsDatabaseDown", SILENT, 5, _check(API, "db", "0x30", "1x30")),
    Case(
        "SimsMigrationsPending",
        FIRES,
        15,
        {**_check(API, "db", "1x30"), **_check(API, "migrations", "1x30", "0x30")},
    ),
    # While the database is away, nobody knows its revision.
    Case(
        "SimsMigrationsPending",
        SILENT,
        15,
        {**_check(API, "db", "0x30"), **_check(API, "migrations", "0x30")},
    ),
    Case("SimsQueueDown", FIRES, 10, _check(WORKER, "redis", "0x30")),
    Case("SimsQueueDown", SILENT, 10, _check(WORKER, "redis", "1x30")),
    Case(
        "SimsQueueOld",
        FIRES,
        30,
        {f'sims_queue_oldest_job_age_seconds{{{WORKER}, queue="default"}}': "0+60x60"},
    ),
    Case(
        "SimsQueueOld",
        SILENT,
        30,
        {f'sims_queue_oldest_job_age_seconds{{{WORKER}, queue="default"}}': "600x60"},
    ),
    Case("SimsWorkerDown", FIRES, 10, _up(WORKER, 1, "0x30")),
    Case("SimsWorkerDown", FIRES, 10, {}),
    Case("SimsWorkerDown", SILENT, 10, _up(WORKER, 1, "1x30")),
    Case("SimsWorkerStuck", FIRES, 10, _loop("61x30")),
    Case("SimsWorkerStuck", SILENT, 10, _loop("5x30")),
    # Stuck for a moment only.
    Case("SimsWorkerStuck", SILENT, 10, _loop("5x8 70 5x30")),
    Case("SimsJobQuarantined", FIRES, 10, _recovered("quarantined", "0x5 1x30")),
    # Put back after a lost worker: not put aside.
    Case("SimsJobQuarantined", SILENT, 10, _recovered("lost_worker", "0x5 1x30")),
    Case("SimsTranscriptsFailed", FIRES, 10, _ended("failed", "0x5 2x30")),
    Case("SimsTranscriptsFailed", SILENT, 10, _ended("sent", "0x5 2x30")),
    Case("SimsTranscriptsSlow", FIRES, 50, _waited(slow="0+6x60", all_="0+6x60")),
    Case("SimsTranscriptsSlow", SILENT, 50, _waited(slow="0x60", all_="0+6x60")),
)
