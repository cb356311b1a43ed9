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
)
