"""Input that nobody should send gets a problem, never a 500."""

from __future__ import annotations

import json
import socket

import httpx
import pytest
from services.api.tests.conftest import Api

PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


def refused(answer: httpx.Response) -> dict[str, object]:
    assert 400 <= answer.status_code < 500, f"{answer.status_code} {answer.text[:200]}"
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = answer.json()
    assert body.keys() >= PROBLEM
    assert body["status"] == answer.status_code
    return body


BODIES = {
    "broken": b'{"name": ',
    "empty": b"",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "NaN": b'{"name": NaN, "code": "A"}',
    "NUL": b'{"name": "a\\u0000b", "code": "A"}',
    "NUL in a key": b'{"na\\u0000me": "a", "code": "A"}',
    "lone surrogate": b'{"name": "\\ud800", "code": "A"}',
    "not UTF-8": b'{"name": "\xff\xfe", "code": "A"}',
    "deep": b'{"name": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "megabyte": json.dumps({"name": "x" * 1_000_000, "code": "A"}).encode(),
    "too large": json.dumps({"name": "x" * 2_000_000, "code": "A"}).encode(),
    "wrong types": b'{"name": 1, "code": []}',
    "unknown field": b'{"name": "a", "code": "A", "id": 1}',
    "control characters": b'{"name": "a\\nb", "code": "A"}',
    "huge number": b'{"name": "a", "code": "A", "description": 1' + b"0" * 400 + b"}",
}


@pytest.mark.parametrize("kind", BODIES)
def test_no_body_breaks_a_write(shared_api: Api, kind: str) -> None:
    admin = shared_api.as_("Admin")
    refused(
        admin.post(
            "/api/academics/departments/",
            content=BODIES[kind],
            headers={"Content-Type": "application/json"},
        )
    )


@pytest.mark.parametrize("kind", ["broken", "NUL", "lone surrogate", "deep", "too large", "null"])
def test_no_body_breaks_the_sign_in(shared_api: Api, kind: str) -> None:
    refused(
        shared_api.client().post(
            "/api/auth/login/", content=BODIES[kind], headers={"Content-Type": "application/json"}
        )
    )


@pytest.mark.parametrize("kind", [None, "text/plain", "application/xml", "multipart/form-data"])
def test_a_wrong_content_type_is_refused(shared_api: Api, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    content = b'{"name": "a", "code": "A"}'
    refused(
        shared_api.as_("Admin").post(
            "/api/academics/departments/", content=content, headers=headers
        )
    )


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=1e3",
        f"page={10**30}",
        "page_size=0",
        "page_size=201",
        "page_size=99999999999",
        "cursor=!!!",
        "cursor=" + "A" * 5000,
        "ordering=password",
        "ordering=-id;drop",
        "status=unknown",
        "program=abc",
        f"program={2**70}",
        "program=0",
        "nonsense=1",
        "search=%00",
        "search=" + "x" * 101,
        "page=1&cursor=WzFd",
        "a" * 3000 + "=1",
    ],
)
def test_no_query_breaks_a_list(shared_api: Api, query: str) -> None:
    refused(shared_api.as_("Registrar").get(f"/api/students/?{query}"))


@pytest.mark.parametrize(
    "path",
    [
        "/api/students/0/",
        "/api/students/-1/",
        "/api/students/x/",
        f"/api/students/{2**63}/",
        f"/api/students/{10**40}/",
        "/api/students/%00/",
        "/api/students/%ff/",
        "/api/students/1%2f2/",
        "/api/transcripts/requests/not-a-uuid/",
        "/api/transcripts/%F0%9F%98%80/",
        "/api/nothing/",
        "/api/../etc/passwd",
        "/" + "x" * 3000,
    ],
)
def test_no_path_breaks_the_routing(shared_api: Api, path: str) -> None:
    refused(shared_api.as_("Registrar").get(path))


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE", "TRACE"])
def test_a_method_that_a_route_lacks_is_a_405(shared_api: Api, method: str) -> None:
    answer = shared_api.as_("Admin").request(method, "/api/auth/me/")
    assert refused(answer)["code"] == "METHOD_NOT_ALLOWED"


def test_a_request_that_is_no_http_does_not_end_the_server(shared_api: Api) -> None:
    with socket.create_connection(("127.0.0.1", shared_api.server.port), timeout=10) as raw:
        raw.sendall(b"\x16\x03\x01\x02\x00nonsense\r\n\r\n")
        raw.recv(1000)
    assert shared_api.client().get("/livez").status_code == 200


def test_a_long_header_is_refused(shared_api: Api) -> None:
    answer = shared_api.client().get("/api/auth/me/", headers={"X-Long": "x" * 60_000})
    assert 400 <= answer.status_code < 500


def test_an_upload_that_is_no_csv_says_so(shared_api: Api) -> None:
    registrar = shared_api.as_("Registrar")
    where = "/api/admin/students/import/preview/"
    for content in (b"\x00\x01\x02", b"\xff\xfe\x00", b"", b"%PDF-1.7", b"a,b\n1,2\n"):
        refused(registrar.post(where, files={"file": ("x.csv", content)}))
    refused(registrar.post(where, data={"mode": "UPSERT"}))
    refused(registrar.post(where, files={"file": ("x.csv", b"a")}, data={"mode": "\x00"}))
