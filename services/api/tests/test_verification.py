"""Whether a transcript is real: what anybody may learn, and what nobody does."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pypdfium2  # type: ignore[import-untyped]
import pytest
import zxingcpp
from pypdf import PdfReader
from services.api.tests.conftest import Api, LogLines, problem_of
from services.api.tests.factories import Make
from sqlalchemy import select, update

from sims_common.clock import now
from sims_core.domain.holds import HoldKind
from sims_core.models import Hold, Student, TranscriptDocument, User

UNKNOWN = {
    "valid": False,
    "status": "unknown",
    "reason": "No transcript has this address.",
    "document": None,
    "copy_check": None,
}


@pytest.fixture
def registrar(api: Api) -> httpx.Client:
    return api.as_("Registrar")


@pytest.fixture
def student(make: Make) -> Student:
    place = make.place("MBBS", "2024")
    student = make.student(place.program, name="Amina Yusuf", email="amina@example.edu")
    make.result(student, total_obtained=Decimal(80))
    return student


def issued(client: httpx.Client, student: Student, **query: str) -> bytes:
    answer = client.get(f"/api/transcripts/{student.id}/", params=query)
    assert answer.status_code == 200, answer.text
    return answer.content


def address(pdf: bytes) -> str:
    """The path in the QR code of the last page, read off its picture."""
    with pypdfium2.PdfDocument(pdf) as document:
        picture = document[len(document) - 1].render(scale=3).to_pil()
    (code,) = zxingcpp.read_barcodes(picture)
    assert code.text.startswith("https://sims.college.example/verify/")
    return str(code.text.removeprefix("https://sims.college.example"))


def verified(api: Api, pdf: bytes) -> dict[str, Any]:
    token = address(pdf).removeprefix("/verify/")
    answer = api.client().get(f"/api/transcripts/verify/{token}/")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def compared(api: Api, path: str, file: bytes) -> httpx.Response:
    return api.client().post(path, files={"file": ("t.pdf", file, "application/pdf")})


def change(make: Make, **values: Any) -> None:
    make.session.execute(update(TranscriptDocument).values(**values))
    make.session.commit()


def test_the_page_behind_the_qr_code_says_what_the_document_is(
    api: Api, registrar: httpx.Client, student: Student
) -> None:
    pdf = issued(registrar, student)
    page = api.client().get(address(pdf))

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for shown in ("Valid", "A••• Y•••", "MBBS", "Test College", "General"):
        assert shown in page.text
    for secret in ("Amina", "Yusuf", student.reg_no, "amina@example.edu", "80"):
        assert secret not in re.sub(r"<style>.*</style>", "", page.text)
    found = verified(api, pdf)
    assert (found["valid"], found["status"]) == (True, "valid")
    printed = "".join(PdfReader(io.BytesIO(pdf)).pages[-1].extract_text().split())
    assert found["document"]["reference"] in printed


def test_the_page_runs_nothing_and_is_kept_from_caches_other_sites_and_frames(
    api: Api, registrar: httpx.Client, student: Student
) -> None:
    page = api.client().get(address(issued(registrar, student)))

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in page.text
    assert "http" not in page.text  # nothing is loaded from anywhere
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["x-frame-options"] == "DENY"


def test_unknown_tokens_all_get_the_same_answer(
    api: Api, registrar: httpx.Client, student: Student
) -> None:
    token = address(issued(registrar, student)).removeprefix("/verify/")
    other = token[:-1] + ("A" if token[-1] != "A" else "B")
    client = api.client()
    pages = set()
    for wrong in (other, token.lower(), token[:-1], f"{token}A", "x", "%00x", "\N{SNOWMAN}" * 9):
        if wrong != "%00x":
            answer = client.get(f"/api/transcripts/verify/{wrong}/")
            assert (answer.status_code, answer.json()) == (200, UNKNOWN)
            page = client.get(f"/verify/{wrong}")
            assert page.status_code == 404
            pages.add(page.text)
        else:
            problem_of(client.get(f"/api/transcripts/verify/{wrong}/"), 400, "NUL_BYTE")
    assert len(pages) == 1
    assert compared(api, f"/api/transcripts/verify/{other}/", b"%PDF").json() == UNKNOWN


def test_expired_revoked_and_superseded_are_told_apart_and_the_gravest_counts(
    api: Api, make: Make, registrar: httpx.Client, student: Student
) -> None:
    pdf = issued(registrar, student)
    change(make, expires_at=now() - timedelta(seconds=1))
    assert verified(api, pdf)["status"] == "expired"
    change(make, expires_at=now() + timedelta(hours=1))

    make.result(student, total_obtained=Decimal(95))
    newer = issued(registrar, student)
    assert verified(api, pdf)["status"] == "superseded"
    assert verified(api, newer)["status"] == "valid"

    reference = verified(api, pdf)["document"]["reference"]
    url = f"/api/transcripts/documents/{reference}/"
    body = registrar.post(f"{url}revoke/", json={"reason": "issued in error"}).json()
    assert (body["status"], body["revoked_reason"]) == ("revoked", "issued in error")
    assert verified(api, pdf)["status"] == "revoked"
    assert "issued in error" not in str(verified(api, pdf))
    again = registrar.post(f"{url}revoke/", json={"reason": "again"})
    problem_of(again, 409, "ALREADY_REVOKED")
    problem_of(
        api.as_("ExamCell").post(f"{url}revoke/", json={"reason": "x"}), 403, "PERMISSION_DENIED"
    )
    assert registrar.get(url).json() == body


def test_each_purpose_has_its_own_time(api: Api, registrar: httpx.Client, student: Student) -> None:
    for code, hours in (("general", 48), ("employment", 720)):
        document = verified(api, issued(registrar, student, purpose=code))["document"]
        listed = registrar.get(f"/api/transcripts/documents/{document['reference']}/").json()
        assert listed["purpose"] == code
        issued_at, expires_at = (
            datetime.fromisoformat(listed[name]) for name in ("issued_at", "expires_at")
        )
        assert expires_at - issued_at == timedelta(hours=hours)
    answer = registrar.get(f"/api/transcripts/{student.id}/", params={"purpose": "nonsense"})
    problem_of(answer, 400, "PURPOSE_UNKNOWN")


def test_a_copy_is_the_signed_file_or_it_is_altered(
    api: Api, make: Make, registrar: httpx.Client, student: Student
) -> None:
    pdf = issued(registrar, student)
    other = issued(registrar, make.student(name="Bilal Khan"))
    path = address(pdf)
    changed = bytearray(pdf)
    changed[len(pdf) // 3] ^= 1
    for file, copy in (
        (pdf, "identical"),
        (bytes(changed), "changed"),
        (pdf + b"\n%more\n", "extended"),
        (other, "other"),
        (b"no PDF", "unreadable"),
    ):
        answer = compared(api, f"/api/transcripts{path}/", file).json()
        assert answer["copy_check"] == copy
        status = "valid" if copy == "identical" else "altered"
        assert (answer["status"], answer["valid"]) == (status, status == "valid")
    page = compared(api, path, bytes(changed))
    assert page.status_code == 200
    assert "Altered" in page.text
    assert "What was signed has been changed in this file." in page.text


def test_a_copy_that_is_too_large_is_refused_unread(
    start_api: Callable[..., Api], make: Make, student: Student
) -> None:
    api = start_api(verify_max_body=4096)
    path = address(issued(api.as_("Registrar"), student))
    problem_of(compared(api, path, b"x" * 5000), 413, "TOO_LARGE")


def test_asking_too_often_is_refused_for_a_while(
    start_api: Callable[..., Api], make: Make, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = start_api(verify_per_minute=1000, verify_uploads_per_minute=2)
    pdf = issued(api.as_("Registrar"), student)
    path = f"/api/transcripts{address(pdf)}/"
    answers = [compared(api, path, pdf) for _ in range(6)]  # a minute may end in between
    assert [a.status_code for a in answers[:2]] == [200, 200]
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    problem_of(refused[0], 429, "RATE_LIMITED")
    assert 1 <= int(refused[0].headers["retry-after"]) <= 61
    assert api.client().get(path).status_code == 200  # looking has a limit of its own


def test_no_token_is_in_any_log_line(
    api: Api, registrar: httpx.Client, student: Student, log_lines: LogLines
) -> None:
    pdf = issued(registrar, student)
    token = address(pdf).removeprefix("/verify/")
    api.client().get(f"/verify/{token}")
    api.client().get(f"/api/transcripts/verify/{token}/")
    compared(api, f"/verify/{token}", pdf + b"x")
    problem_of(api.client().delete(f"/verify/{token}"), 405, "METHOD_NOT_ALLOWED")

    assert {line["route"] for line in log_lines.of("request")} >= {
        "/verify/{token}/",
        "/api/transcripts/verify/{token}/",
    }
    assert token not in log_lines.text
    assert log_lines.of("transcript verified")


def test_the_database_holds_no_token(make: Make, registrar: httpx.Client, student: Student) -> None:
    token = address(issued(registrar, student)).removeprefix("/verify/")
    make.session.rollback()
    row = make.session.scalars(select(TranscriptDocument)).one()
    stored = {c.key: getattr(row, c.key) for c in TranscriptDocument.__table__.columns}
    assert token not in str(stored)
    assert token.encode() not in row.token_hash


def test_the_same_download_is_the_same_file_until_something_changes(
    start_api: Callable[..., Api], make: Make, student: Student
) -> None:
    api = start_api()
    first = issued(api.as_("Registrar"), student)
    assert issued(api.as_("ExamCell"), student) == first
    assert issued(api.as_("ExamCell"), student, purpose="employment") != first
    api = start_api(letterhead='lines = ["12 College Road"]')
    moved = issued(api.as_("Registrar"), student)
    assert "12 College Road" in PdfReader(io.BytesIO(moved)).pages[0].extract_text()
    for pdf in (first, moved):
        assert verified(api, pdf)["valid"]


def test_without_a_key_nothing_is_handed_out_and_the_reason_is_said(
    start_api: Callable[..., Api], make: Make, student: Student, log_lines: LogLines
) -> None:
    api = start_api(signing_certificate="")
    answer = api.as_("Registrar").get(f"/api/transcripts/{student.id}/")
    problem_of(answer, 503, "SIGNING_NOT_CONFIGURED")
    (line,) = log_lines.of("transcripts cannot be signed")
    assert "SIMS_SIGNING_KEY_FILE" in line["reason"]


def test_a_hold_blocks_download_and_request_for_everybody(
    api: Api, make: Make, registrar: httpx.Client, student: Student
) -> None:
    by: User = make.user("Finance")
    make.session.add(
        Hold(
            student_id=student.id, kind=HoldKind.FINANCE, reason="fees of 2025", placed_by_id=by.id,
            blocks_transcripts=True,
        )
    )  # fmt: skip
    make.session.commit()
    answer = registrar.get(f"/api/transcripts/{student.id}/")
    assert problem_of(answer, 403, "FINANCE_BLOCKED")["reasons"] == ["finance: fees of 2025"]
    body = {"student_id": student.id}
    problem_of(registrar.post("/api/transcripts/enqueue/", json=body), 403, "FINANCE_BLOCKED")
    batch = {"student_ids": [student.id]}
    problem_of(registrar.post("/api/transcripts/batches/", json=batch), 403, "FINANCE_BLOCKED")
