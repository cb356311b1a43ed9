"""The health report, the version it shows, and the side port that serves it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from sims_common import version
from sims_common.health import Check, HealthReport, report
from sims_common.side_port import SidePort

OK, FAIL = Check(status="ok"), Check(status="fail")


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ({"db": OK, "redis": OK}, "ok"),
        ({"db": OK, "redis": FAIL}, "ok"),
        ({"db": OK, "redis": Check(status="skipped")}, "ok"),
        ({"db": FAIL, "redis": OK}, "degraded"),
        ({"db": OK, "migrations": FAIL, "redis": OK}, "degraded"),
    ],
)
def test_redis_never_degrades(checks: dict[str, Check], status: str) -> None:
    found = report(checks)
    assert found.status == status
    assert found.http_status == (200 if status == "ok" else 503)


def test_the_body_leaves_out_what_is_not_known() -> None:
    body = json.loads(report({"db": Check(status="ok", latency_ms=1.5), "redis": FAIL}).body())
    assert body["checks"] == {
        "db": {"status": "ok", "latency_ms": 1.5},
        "redis": {"status": "fail"},
    }


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"APP_VERSION": "1.2.3", "VERSION": "9", "GIT_SHA": "abcdef0123456789"}, "1.2.3"),
        ({"VERSION": "9.8.7-long-value", "GIT_SHA": "abcdef0123456789"}, "9.8.7-long-value"),
        ({"GIT_SHA": "abcdef0123456789"}, "abcdef01"),
    ],
)
def test_the_version_shown(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], shown: str
) -> None:
    for name in ("APP_VERSION", "VERSION", "GIT_SHA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert version.app_version.__wrapped__() == shown


@pytest.fixture
def serve() -> Iterator[Callable[..., Callable[[str], tuple[int, str]]]]:
    """Starts a side port; the result asks it for a path."""
    opened: list[SidePort] = []

    def start(
        found: HealthReport,
        *,
        alive: bool = True,
        collect: Callable[[], None] = lambda: None,
    ) -> Callable[[str], tuple[int, str]]:
        side = SidePort("127.0.0.1", 0, health=lambda: found, alive=lambda: alive, collect=collect)
        side.start()
        opened.append(side)

        def get(path: str) -> tuple[int, str]:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{side.port}{path}") as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as refused:
                with refused:
                    return refused.code, refused.read().decode()

        return get

    yield start
    for side in opened:
        side.stop()


Serve = Callable[..., Callable[[str], tuple[int, str]]]


def test_the_side_port_serves_health_under_each_name(serve: Serve) -> None:
    get = serve(report({"db": FAIL}))
    for path in ("/api/health/", "/health/", "/healthz/", "/healthz", "/healthz?verbose"):
        status, body = get(path)
        assert status == 503
        assert json.loads(body)["status"] == "degraded"


def test_liveness_metrics_and_the_rest(serve: Serve) -> None:
    get = serve(report({"db": OK}))
    assert get("/livez") == (200, "ok\n")
    assert serve(report({"db": OK}), alive=False)("/livez")[0] == 503
    status, body = get("/metrics")
    assert status == 200
    assert "sims_jobs_total" in body
    assert get("/")[0] == 404


def test_the_metrics_say_which_check_fails(serve: Serve) -> None:
    checks = {"db": OK, "migrations": FAIL, "redis": Check(status="skipped")}
    _, body = serve(report(checks))("/metrics")
    shown = {line for line in body.splitlines() if line.startswith("sims_health_check")}
    assert shown == {
        'sims_health_check{check="db"} 1.0',
        'sims_health_check{check="migrations"} 0.0',
    }


def test_a_gauge_that_cannot_be_refreshed_does_not_hide_the_others(serve: Serve) -> None:
    def broken() -> None:
        raise RuntimeError("the database is away")

    status, body = serve(report({"db": OK}), collect=broken)("/metrics")
    assert status == 200
    assert "python_info" in body
