"""Bytes that no client library would send, and bodies that mean two things at once."""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY, generate_latest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.factories import Make

DEPARTMENTS = "/api/academics/departments/"
PREVIEW = "/api/admin/students/import/preview/"


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def admin(api: Api) -> httpx.Client:
    return api.as_("Admin")


def exchange(api: Api, *chunks: bytes) -> bytes:
    """What the server says to these bytes until it closes or falls silent."""
    answer = b""
    with socket.create_connection(("127.0.0.1", api.server.port), timeout=2) as raw:
        try:
            for chunk in chunks:
                raw.sendall(chunk)
            while part := raw.recv(65536):
                answer += part
        except (TimeoutError, ConnectionError):
            pass  # what has been said until then is what the test looks at
    return answer


def request(api: Api, line: str, *headers: str, body: bytes = b"", token: str = "") -> bytes:
    head = [f"{line} HTTP/1.1", "Connection: close", *headers]
    if not any(h.lower().startswith("host:") for h in headers):
        head.append("Host: sims.example")
    if token:
        head.append(f"Authorization: Bearer {token}")
    return exchange(api, "\r\n".join([*head, "", ""]).encode("latin-1") + body)


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert found, answer[:200]
    return int(found[1])


def body_of(answer: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def alive(api: Api) -> None:
    assert api.client().get("/livez").text == "ok\n"


def test_headers_without_end_are_cut_off(api: Api) -> None:
    one = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Endless: "
    assert status_of(exchange(api, one, b"a" * 200_000)) == 431
    many = b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 20_000
    assert status_of(exchange(api, many)) == 431
    assert status_of(exchange(api, b"GET /" + b"a" * 200_000)) in (400, 431)
    alive(api)


def test_a_large_body_is_not_taken_for_headers(api: Api, admin: httpx.Client) -> None:
    file = ("x.csv", b"not,a,student\n" * 60_000)
    problem_of(admin.post(PREVIEW, files={"file": file}), 400, "CSV_COLUMNS")


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /api/students/?search=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/\xff/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost : x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=range(15),
)
def test_what_is_no_http_is_refused_and_forgotten(api: Api, data: bytes) -> None:
    assert exchange(api, data)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 405", b"")
    alive(api)


@pytest.mark.parametrize("host", ["[", "a b", "x:y", "x\\@y", "", "x" * 1000, "é", "x/y?z#"])
def test_no_host_header_breaks_an_answer(api: Api, host: str) -> None:
    for path, status in (("/api/students/", 200), ("/api/nothing/", 404)):
        token = api.token(api.make.user("Admin"))
        answer = request(api, f"GET {path}", f"Host: {host}", token=token)
        assert status_of(answer) in (status, 400), answer[:300]


def test_a_websocket_is_not_opened(api: Api) -> None:
    answer = request(
        api,
        "GET /api/students/",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    assert status_of(answer) == 401


@pytest.mark.parametrize(
    "body",
    [b"x" * 3000, b"[" + b"0," * 2000 + b"0]"],
)
def test_a_body_that_grows_over_the_limit_unannounced_is_a_413(
    start_api: Callable[..., Api], make: Make, body: bytes
) -> None:
    api = start_api(api_max_body=2048)
    token = api.token(make.user("Admin"))
    chunked = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part)
        for part in (body[i : i + 500] for i in range(0, len(body), 500))
    )
    for lengths, sent in (
        (["Transfer-Encoding: chunked"], chunked + b"0\r\n\r\n"),
        ([f"Content-Length: {len(body)}"], body),
        (["Content-Length: 99999999999999999999"], b""),
    ):
        answer = request(
            api,
            f"POST {DEPARTMENTS}",
            "Content-Type: application/json",
            *lengths,
            body=sent,
            token=token,
        )
        assert status_of(answer) in (400, 413)
        if status_of(answer) == 413:
            assert body_of(answer)["code"] == "TOO_LARGE"
            assert "2048" in body_of(answer)["detail"]
        else:  # a length that no number of the parser holds
            assert "999" in lengths[0]


def test_whoever_is_not_signed_in_is_told_before_the_body_is_sent(api: Api) -> None:
    headers = ("Content-Type: application/json", "Content-Length: 1000000")
    answer = request(api, f"POST {DEPARTMENTS}", *headers)  # and no byte of the body
    assert (status_of(answer), body_of(answer)["code"]) == (401, "AUTH_REQUIRED")
    answer = request(api, f"POST {DEPARTMENTS}", *headers, token="x.y.z")
    assert (status_of(answer), body_of(answer)["code"]) == (401, "AUTH_TOKEN_INVALID")


@pytest.mark.parametrize(
    ("kind", "accept"),
    [
        (None, "application/json"),
        ("text/plain", "application/json"),
        ("application/x-www-form-urlencoded", "application/json"),
        ("multipart/form-data; boundary=x", "application/json"),
        ("application/problem+json", "application/json"),
        ("application/json; charset=utf-16", "application/json"),
        ("application/json; charset=", "application/json"),
        ("nonsense", "application/json"),
        (";;;", "application/json"),
    ],
)
def test_another_media_type_or_charset_is_a_415(
    api: Api, admin: httpx.Client, kind: str | None, accept: str
) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = admin.post(DEPARTMENTS, content=b'{"name": "a", "code": "a"}', headers=headers)
    if answer.status_code == 201:  # an empty charset says nothing
        assert kind == "application/json; charset="
        return
    problem_of(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["accept"] == accept


@pytest.mark.parametrize(
    "content",
    [
        b'{"name": "a", "name": "b", "code": "c"}',
        b'{"name": "a", "code": "c", "n\\u0061me": "b"}',
    ],
)
def test_a_name_given_twice_is_refused(admin: httpx.Client, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = admin.post(DEPARTMENTS, content=content, headers=headers)
    assert "'name' twice" in problem_of(answer, 400, "DUPLICATE_NAME")["detail"]


def test_duplicates_deep_inside_are_found_too(admin: httpx.Client) -> None:
    content = b'{"student_ids": [{"a": 1, "a": 2}]}'
    headers = {"Content-Type": "application/json"}
    answer = admin.post("/api/transcripts/batches/", content=content, headers=headers)
    problem_of(answer, 400, "DUPLICATE_NAME")


def form(charset: str, name: bytes = b"x.csv", mode: bytes = b"UPSERT") -> tuple[bytes, str]:
    body = (
        b'--B\r\nContent-Disposition: form-data; name="mode"\r\n\r\n' + mode + b"\r\n"
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
        b"reg_no,name,program_name,batch_name,group_name,status\r\n1,A,P,B,G,active\r\n--B--\r\n"
    )
    return body, f"multipart/form-data; boundary=B{charset}"


@pytest.mark.parametrize(
    "charset",
    [
        "unicode_escape",
        "utf-16",
        "utf-7",
        "idna",
        "punycode",
        "undefined",
        "hex",
        "x" * 500,
    ],
)
def test_a_form_in_another_charset_is_refused(admin: httpx.Client, charset: str) -> None:
    body, kind = form(f"; charset={charset}", rb"\ud800\x00.csv")
    headers = {b"Content-Type": kind.encode("latin-1")}
    answer = admin.post(PREVIEW, content=body, headers=httpx.Headers(headers))
    problem_of(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "name",
    [b"\xff\xfe\xed\xa0\x80.csv", b'a\\"b.csv', b"\x00\x01.csv", b"", b"%00.csv", b"a\tb" * 200],
)
def test_no_file_name_breaks_an_upload(admin: httpx.Client, name: bytes) -> None:
    body, kind = form("; charset=utf-8", name)
    answer = admin.post(PREVIEW, content=body, headers={"Content-Type": kind})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        shown = admin.get("/api/admin/students/import/jobs/").json()[0]["file_name"]
        assert shown.isprintable()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=B"),
        (b"--B", "multipart/form-data; boundary=B"),
        (
            b"--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--",
            "multipart/form-data; boundary=B",
        ),
        (b"--B\r\nX: y\r\n\r\n", "multipart/form-data; boundary=B"),
        (b"nothing of it", "multipart/form-data; boundary=" + "B" * 300),
        (form("", mode=b"\x00")[0], "multipart/form-data; boundary=B"),
        (form("", mode=b"x" * 2_000_000)[0], "multipart/form-data; boundary=B"),
        (
            b"--B\r\n" + b'\r\n--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n' * 1100,
            "multipart/form-data; boundary=B",
        ),
    ],
    ids=range(9),
)
def test_a_broken_form_is_a_400(admin: httpx.Client, body: bytes, kind: str) -> None:
    answer = admin.post(PREVIEW, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400, answer.text
    problem_of(answer, 400, answer.json()["code"])


def cursor(*values: Any) -> str:
    raw = json.dumps(values).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize(
    "values",
    [
        ("reg_no", "n", "\ud800", 1),
        ("reg_no", "n", "\0", 1),
        ("reg_no", "n", "a", 2**63),
        ("reg_no", "n", "a", 1e300),
        ("reg_no", "n", ["a"], 1),
        ("reg_no", "n", {"a": 1}, 1),
        ("reg_no", "n", None, 1),
        ("reg_no", ["n"], "a", 1),
        (["reg_no"], "n", "a", 1),
        ("reg_no",),
        (),
        ("reg_no", "n", [[[[[[[[]]]]]]]], 1),
    ],
)
def test_a_made_up_cursor_is_a_400(admin: httpx.Client, values: tuple[Any, ...]) -> None:
    answer = admin.get("/api/students/", params={"cursor": cursor(*values)})
    problem_of(answer, 400, "VALIDATION_ERROR")


def test_moments_in_a_cursor_may_be_any_that_the_database_knows(admin: httpx.Client) -> None:
    for moment in (
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.999999-23:59",
        "2026-01-01",
    ):
        query = {"ordering": "created_at", "cursor": cursor("created_at", "n", moment, 1)}
        assert admin.get("/api/students/", params=query).status_code == 200, moment
    for wrong in ("yesterday", "infinity", "", 7):
        query = {"ordering": "created_at", "cursor": cursor("created_at", "n", wrong, 1)}
        problem_of(admin.get("/api/students/", params=query), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE", "TRACE", "PROPFIND", "PURGE"])
def test_a_method_that_a_path_lacks_names_those_that_it_has(
    admin: httpx.Client, method: str
) -> None:
    answer = admin.request(method, "/api/students/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.headers["content-type"] == "application/problem+json"
    if method == "HEAD":
        assert answer.content == b""
    else:
        problem_of(answer, 405, "METHOD_NOT_ALLOWED")


def test_neither_paths_nor_methods_of_strangers_become_series(api: Api) -> None:
    client = api.client()
    for method in ("PROPFIND", "PURGE", "M-SEARCH"):
        client.request(method, "/api/students/")
        client.request(method, "/nowhere/secret-canary/")
    series = generate_latest(REGISTRY).decode()
    assert not re.findall(r'method="(?:PROPFIND|PURGE|M-SEARCH)"', series)
    assert "canary" not in series
    assert 'route="unmatched"' in series
