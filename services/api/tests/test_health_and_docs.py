"""Health, liveness, headers, and the pages that describe the API."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY, generate_latest
from pydantic import SecretStr
from services.api.tests.conftest import Api, LogLines, problem_of
from sqlalchemy import text

from sims_core import migrate

HEALTH = ("/api/health/", "/health/", "/healthz/", "/api/health", "/health", "/healthz")


@pytest.mark.parametrize("path", HEALTH)
def test_health_is_public_and_the_same_under_each_name(api: Api, path: str) -> None:
    answer = api.client().get(path)
    body = answer.json()
    assert answer.status_code == 200
    assert body["checks"]["db"].pop("latency_ms") >= 0
    assert body["checks"] == {
        "db": {"status": "ok"},
        "migrations": {"status": "ok"},
        "redis": {"status": "skipped"},
    }
    assert body["status"] == "ok"
    assert body.keys() == {"status", "checks", "version"}


def test_redis_away_is_told_and_changes_nothing(start_api: Callable[..., Api]) -> None:
    api = start_api(redis_url=SecretStr("redis://127.0.0.1:1/0"))
    answer = api.client().get("/api/health/")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["checks"]["redis"] == {"status": "fail"}


def test_redis_there_is_ok(start_api: Callable[..., Api], redis_url: str) -> None:
    api = start_api(redis_url=SecretStr(redis_url))
    assert api.client().get("/api/health/").json()["checks"]["redis"] == {"status": "ok"}


def test_database_away_is_degraded_503_and_says_nothing_of_hosts(
    start_api: Callable[..., Api],
) -> None:
    api = start_api(
        database_url=SecretStr("postgresql://someone:hush@127.0.0.1:1/nowhere"),
    )
    answer = api.client().get("/api/health/")
    assert answer.status_code == 503
    body = answer.json()
    assert body["status"] == "degraded"
    assert body["checks"]["db"] == {"status": "fail"}
    assert body["checks"]["migrations"] == {"status": "fail"}
    assert "nowhere" not in answer.text
    assert "hush" not in answer.text
    assert api.client().get("/livez").status_code == 200
    login = {"identifier": "a", "password": "b"}
    refused = api.client().post("/api/auth/login/", json=login)
    problem_of(refused, 503, "UNAVAILABLE")
    assert int(refused.headers["Retry-After"]) > 0


def test_a_migration_that_is_missing_is_counted(api: Api) -> None:
    session = api.make.session
    last_but_one = migrate.known_revisions()[1]
    session.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": last_but_one})
    session.commit()
    answer = api.client().get("/api/health/")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == {"status": "fail", "pending_count": 1}


def test_a_database_ahead_of_the_program_is_fine(api: Api) -> None:
    session = api.make.session
    session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    session.commit()
    assert api.client().get("/api/health/").status_code == 200


def test_a_draining_process_is_not_ready_and_alive(api: Api) -> None:
    api.app.state.health.draining = True
    assert api.client().get("/api/health/").status_code == 503
    assert api.client().get("/livez").status_code == 200


def test_one_request_id_in_answer_problem_and_log(api: Api, log_lines: LogLines) -> None:
    client = api.client()
    wanted = "trace-0123456789"
    answer = client.get("/api/auth/me/", headers={"X-Request-ID": wanted})
    assert answer.headers["X-Request-ID"] == wanted
    assert answer.json()["request_id"] == wanted
    other = client.get("/api/auth/me/", headers={"X-Request-ID": "bad id\t{}"})
    assert re.fullmatch("[0-9a-f]{32}", other.headers["X-Request-ID"])
    # The line is written when the answer is out: that of the first is there by now.
    assert wanted in [line["request_id"] for line in log_lines.of("request")]


def test_metrics_name_templates_and_no_ids(api: Api) -> None:
    registrar = api.as_("Registrar")
    registrar.get("/api/students/424242/")
    registrar.get("/api/nowhere/424242/")
    found = generate_latest(REGISTRY).decode()
    assert 'route="/api/students/{id}/"' in found
    assert "424242" not in found


def test_answers_carry_the_headers_that_browsers_heed(api: Api) -> None:
    headers = api.client().get("/api/auth/me/").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("page", ["/api/docs/", "/api/redoc/"])
def test_the_pages_of_the_api_load_nothing_from_elsewhere(api: Api, page: str) -> None:
    client = api.client()
    answer = client.get(page)
    assert answer.status_code == 200
    assert "http" not in answer.text.replace("http-equiv", "")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "http" not in policy
    assets = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert assets
    for asset in assets:
        assert asset.startswith("/api/docs/assets/")
        assert client.get(asset).status_code == 200


def test_the_schema_describes_errors_once_and_no_422_of_the_framework(api: Api) -> None:
    schema = api.client().get("/api/schema/").json()
    assert schema["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    assert "Problem" in schema["components"]["schemas"]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert path.endswith("/"), where
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and "/health" not in path:
                    assert "application/problem+json" in answer["content"], f"{where} {status}"
