"""A registrar at the import: files to send, and what came of them."""

from __future__ import annotations

from typing import Any

import httpx
from services.api.tests.factories import Make
from sqlalchemy import select

from sims_core.models import Student

HEADER = "reg_no,name,program_name,batch_name,group_name,status"
FULL = f"{HEADER},email,phone,date_of_birth"
URL = "/api/admin/students/import"


class Desk:
    """What a registrar does with files."""

    def __init__(self, client: httpx.Client, make: Make) -> None:
        self.client = client
        self.make = make

    def send(
        self, content: str | bytes, mode: str | None = None, name: str = "students.csv"
    ) -> httpx.Response:
        data = content.encode() if isinstance(content, str) else content
        form = {} if mode is None else {"mode": mode}
        return self.client.post(f"{URL}/preview/", files={"file": (name, data)}, data=form)

    def preview(self, content: str | bytes, mode: str | None = None) -> dict[str, Any]:
        answer = self.send(content, mode)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def commit(self, preview: dict[str, Any]) -> httpx.Response:
        body = {"import_job_id": preview["import_job_id"], "confirm": True}
        return self.client.post(f"{URL}/commit/", json=body)

    def students(self) -> dict[str, Student]:
        session = self.make.session
        session.rollback()
        found = session.scalars(select(Student).execution_options(populate_existing=True))
        return {student.reg_no: student for student in found}


def row(reg_no: str = "2026-1", name: str = "Amina", rest: str = "MBBS,2026,A,active") -> str:
    return f"{reg_no},{name},{rest}"


def lines(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def errors_of(preview: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [
        (r["row_number"], e["column"], e["message"])
        for r in preview["preview_rows"]
        for e in r["errors"]
    ]
