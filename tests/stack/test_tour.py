"""What the README promises: one command, then a registrar's work through HTTP."""

from __future__ import annotations

import io

import httpx
import pytest
from pypdf import PdfReader

from .conftest import Installation, alive, eventually

pytestmark = pytest.mark.slow

CSV = (
    "reg_no,name,program_name,batch_name,group_name,status,email,date_of_birth\n"
    'T-1,Amina Yusuf,"{program}",{batch},{group},active,amina@example.edu,2005-03-14\n'
    'T-2,Bilal Khan,"{program}",{batch},{group},active,bilal@example.edu,14/03/2005\n'
)


def test_a_registrar_imports_students_and_has_a_transcript_mailed(
    installation: Installation,
) -> None:
    installation.up()
    with installation.sign_in("registrar") as registrar:
        student = registrar.get("/api/students/").json()["results"][0]
        _import(registrar, student)
        answer = registrar.post(
            "/api/transcripts/enqueue/",
            json={"student_id": student["id"], "email": "employer@example.org"},
        )
        assert answer.status_code == 202
        request_id = answer.headers["X-Request-ID"]
        where = answer.headers["Location"]
        eventually("transcript sent", lambda: registrar.get(where).json()["state"] == "sent")
        released = _released(registrar, student["id"])

    (mail,) = installation.messages()
    whole = httpx.get(f"{installation.mails}/api/messages/{mail['id']}").json()
    assert mail["recipient"] == "employer@example.org"
    assert mail["deliveries"] == 1
    pdf = httpx.get(f"{installation.mails}/api/messages/{mail['id']}/attachments/0")
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf.content)).pages)
    assert student["name"] in text
    assert student["reg_no"] in text
    assert released
    for code, course in released:
        assert code in text
        assert course.split()[0] in text
    assert request_id in str(whole), "one id from the request to the mail"
    assert request_id in (installation.home / "logs" / "worker.log").read_text()


def _import(registrar: httpx.Client, like: dict[str, str]) -> None:
    content = CSV.format(
        program=like["program_name"], batch=like["batch_name"], group=like["group_name"]
    )
    preview = registrar.post(
        "/api/admin/students/import/preview/", files={"file": ("students.csv", content)}
    ).json()
    bad = [row for row in preview["preview_rows"] if row["errors"]]
    assert [(row["row_number"], row["errors"][0]["column"]) for row in bad] == [
        (3, "date_of_birth")
    ]
    assert registrar.get("/api/students/", params={"search": "t-1"}).json()["count"] == 0
    committed = registrar.post(
        "/api/admin/students/import/commit/",
        json={"import_job_id": preview["import_job_id"], "confirm": True},
    ).json()
    assert (committed["created"], committed["skipped"]) == (1, 1)
    (found,) = registrar.get("/api/students/", params={"search": "amina yusuf"}).json()["results"]
    assert found["reg_no"] == "T-1"


def _released(registrar: httpx.Client, student_id: int) -> list[tuple[str, str]]:
    results = registrar.get(
        "/api/results/", params={"student": student_id, "status": "PUBLISHED", "page_size": 200}
    ).json()["results"]
    return [(result["course_code"], result["course_name"]) for result in results]


def test_it_stops_without_leftovers_and_keeps_its_data(installation: Installation) -> None:
    installation.up()
    pids = installation.pids()
    with installation.sign_in("admin") as admin:
        department = {"name": "Kept", "code": "KEPT"}
        assert admin.post("/api/academics/departments/", json=department).status_code == 201

    assert installation.interrupt() in (0, 130)
    assert alive(pids) == []

    installation.up()
    with installation.sign_in("admin") as admin:
        names = [d["name"] for d in admin.get("/api/academics/departments/").json()["results"]]
        assert "Kept" in names
        assert admin.get("/api/students/").json()["count"] == 20, "seeded once"
    health = installation.run("health", "--output", "json")
    assert health.returncode == 0, health.stderr
    assert installation.run("check").returncode == 0
    pids = installation.pids()
    assert installation.run("down").returncode == 0
    assert alive(pids) == []
    assert installation.run("health").returncode == 69
