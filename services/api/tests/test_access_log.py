"""One id and one line for each request; no path, query or person in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from services.api.tests.conftest import Api, LogLines, problem_of
from services.api.tests.factories import Make


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("abcdefgh", True),
        ("A-Za-z0-9._-" * 5, True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("short", False),
        ("", False),
        ("has blank", False),
        ('"quoted-id"', False),
        ("new%0aline-id", False),
        ("<script>alert", False),
    ],
)
def test_only_a_harmless_request_id_is_taken_over(shared_api: Api, sent: str, kept: bool) -> None:
    answer = shared_api.client().get("/api/nothing/", headers={"X-Request-ID": sent})
    used = answer.headers["x-request-id"]
    assert (used == sent) is kept
    assert problem_of(answer, 404, "NOT_FOUND")["request_id"] == used


def test_an_access_line_names_the_template_and_no_query(
    start_api: Callable[..., Api], make: Make, log_lines: LogLines
) -> None:
    api = start_api()
    user = make.user("Registrar")
    client = api.sign_in(user)
    client.get(f"/api/students/{make.student().id}/", headers={"X-Request-ID": "line-0001"})
    client.get("/api/students/?search=canary-name", headers={"X-Request-ID": "line-0002"})
    client.get("/api/health/")
    client.get("/livez")
    client.get("/api/auth/me/")  # its line comes after those of the others
    lines = {line.get("request_id"): line for line in log_lines.of("request")}
    line = lines["line-0001"]
    assert isinstance(line.pop("ms"), float)
    line.pop("timestamp")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "sims_api.access",
        "method": "GET",
        "request_id": "line-0001",
        "route": "/api/students/{id}/",
        "service": "api",
        "status": 200,
        "user_id": user.id,
    }
    assert "canary" not in log_lines.text
    assert not [line for line in log_lines.of("request") if "health" in line["route"]]
    assert not [line for line in log_lines.of("request") if "livez" in line["route"]]
