"""Uploads: known by content, made harmless, kept by hash, reached by whom they are about."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from services.api.tests.conftest import Api, problem_of

URL = "/api/student-documents/"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def api(start_api: Callable[..., Api], tmp_path: Path) -> Api:
    return start_api(media_dir=tmp_path)


@pytest.fixture
def registrar(api: Api) -> httpx.Client:
    return api.as_("Registrar")


def send(client: httpx.Client, student: int, content: bytes, **values: str) -> httpx.Response:
    data = {"student": str(student), "kind": values.get("kind", "photo")}
    file = (values.get("name", "photo.png"), content, values.get("type", "image/png"))
    return client.post(URL, data=data, files={"file": file})


def test_an_image_is_stored_anew_without_what_else_was_in_it(
    api: Api, registrar: httpx.Client, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home: 31.5204 N"
    content = picture("JPEG", (2000, 1000), exif=exif) + b"<script>alert(1)</script>"
    student = api.make.student()
    row = send(registrar, student.id, content, name="../../etc/passwd\u202e.html").json()
    stored = registrar.get(f"{URL}{row['id']}/content/")
    assert stored.headers["content-type"] == "image/jpeg"
    assert stored.headers["content-disposition"].startswith("attachment;")
    assert stored.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in stored.headers["content-security-policy"]
    assert b"home" not in stored.content
    assert b"script" not in stored.content
    with Image.open(io.BytesIO(stored.content)) as image:
        assert image.size == (1200, 600)
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    digest = hashlib.sha256(stored.content).hexdigest()
    assert file == tmp_path / digest[:2] / digest
    assert row["size"] == len(stored.content)
    assert "/" not in row["name"]


def test_a_photo_replaces_the_one_before_and_equal_content_is_stored_once(
    api: Api, registrar: httpx.Client, tmp_path: Path
) -> None:
    one, two = api.make.student(), api.make.student()
    first = send(registrar, one.id, picture()).json()
    second = send(registrar, one.id, picture(size=(50, 50))).json()
    send(registrar, two.id, picture())
    rows = registrar.get(URL, params={"student": one.id}).json()["results"]
    assert [row["id"] for row in rows] == [second["id"]]
    problem_of(registrar.get(f"{URL}{first['id']}/content/"), 404, "NOT_FOUND")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (PDF, "certificate", 201),
        (PDF, "photo", 415),
        (b"%PDF-1.7 but cut", "certificate", 415),
        (b"MZ\x90\x00 a program", "certificate", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "photo", 415),
        (b"GIF89a", "photo", 415),
        (picture()[:50], "photo", 415),
        (b"\xff\xd8\xff" + b"x" * 500, "certificate", 415),
        (b"", "photo", 415),
        (picture() + b"x" * (1 << 20), "photo", 413),
        (PDF[:-6] + b" " * (3 << 20) + b"%%EOF\n", "certificate", 413),
        (picture(size=(8000, 6000)), "certificate", 415),
    ],
)
def test_only_what_really_is_an_image_or_a_pdf_is_taken(
    api: Api, registrar: httpx.Client, content: bytes, kind: str, status: int
) -> None:
    answer = send(registrar, api.make.student().id, content, kind=kind)
    assert answer.status_code == status, answer.text
    if status == 201:
        got = registrar.get(f"{answer.headers['location']}content/")
        assert (got.content, got.headers["content-type"]) == (content, "application/pdf")
        assert got.headers["content-disposition"].endswith('.pdf"')


def test_documents_are_reached_by_staff_and_whom_they_are_about(
    api: Api, registrar: httpx.Client
) -> None:
    login, rival = api.make.user("Student"), api.make.user("Student")
    student = api.make.student(user_id=login.id)
    api.make.student(user_id=rival.id)
    here = send(registrar, student.id, picture()).headers["location"]
    for path in (here, f"{here}content/"):
        assert api.sign_in(login).get(path).status_code == 200
        problem_of(api.sign_in(rival).get(path), 404, "NOT_FOUND")
        problem_of(api.as_("Faculty").get(path), 403, "PERMISSION_DENIED")
        problem_of(api.client().get(path), 401, "AUTH_REQUIRED")
    assert api.sign_in(rival).get(URL).json()["count"] == 0
    problem_of(api.sign_in(login).delete(here), 403, "PERMISSION_DENIED")
    assert registrar.delete(here).status_code == 204
    problem_of(registrar.get(f"{here}content/"), 404, "NOT_FOUND")


def test_without_a_directory_it_says_so(start_api: Callable[..., Api]) -> None:
    api = start_api()
    answer = send(api.as_("Registrar"), api.make.student().id, picture())
    problem_of(answer, 503, "NO_MEDIA_DIR")
