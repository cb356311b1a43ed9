"""A registrar's work, through the Ingress."""

from __future__ import annotations

import io

import httpx
from pypdf import PdfReader

from .cluster import Cluster, eventually
from .release import NAME, Release

CSV = (
    "reg_no,name,program_name,batch_name,group_name,status,email,date_of_birth\n"
    'E2E-1,Amina Yusuf,"{program}",{batch},{group},active,amina@example.edu,2005-03-14\n'
    'E2E-2,Bilal Khan,"{program}",{batch},{group},active,bilal@example.edu,14/03/2005\n'
)


def test_the_api_says_what_it_is(cluster: Cluster, sims: Release) -> None:
    with sims.client() as client:
        health = client.get("/api/health/")
        assert health.status_code == 200
        assert health.json()["checks"]["redis"] == {"status": "ok"}
        assert client.get("/api/docs/").status_code == 200
        assert client.get("/metrics").status_code == 404, "only on the side port"


def test_a_registrar_imports_students(cluster: Cluster, sims: Release) -> None:
    with sims.sign_in("registrar") as registrar:
        like = registrar.get("/api/students/").json()["results"][0]
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
        body = {"import_job_id": preview["import_job_id"], "confirm": True}
        done = registrar.post("/api/admin/students/import/commit/", json=body).json()
        assert (done["created"], done["skipped"]) == (1, 1)
        found = registrar.get("/api/students/", params={"search": "amina yusuf"}).json()
        assert [student["reg_no"] for student in found["results"]] == ["E2E-1"]


def test_a_transcript_is_mailed_with_its_pdf(cluster: Cluster, sims: Release) -> None:
    with sims.sign_in("registrar") as registrar:
        student = registrar.get("/api/students/").json()["results"][0]
        asked = ask(registrar, student["id"], "employer@example.org")
        where = asked.headers["Location"]
        eventually("transcript sent", lambda: registrar.get(where).json()["state"] == "sent")
    (mail,) = sims.mailbox.to("employer@example.org")
    message = sims.mailbox.message(mail["ID"])
    (pdf,) = list(message.iter_attachments())
    assert pdf.get_content_type() == "application/pdf"
    assert (pdf.get_filename() or "").endswith(".pdf")
    pages = PdfReader(io.BytesIO(pdf.get_content())).pages
    text = " ".join(page.extract_text() for page in pages)
    assert student["name"] in text
    assert student["reg_no"] in text
    assert message["X-Request-ID"] == asked.headers["X-Request-ID"]


def test_helm_test_passes(cluster: Cluster, sims: Release) -> None:
    said = sims.helm("test", NAME, "--timeout", "3m")
    assert "Succeeded" in said, said


def ask(registrar: httpx.Client, student_id: int, email: str) -> httpx.Response:
    body = {"student_id": student_id, "email": email}
    answer = registrar.post("/api/transcripts/enqueue/", json=body)
    assert answer.status_code == 202, answer.text
    return answer
