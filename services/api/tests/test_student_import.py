"""A registrar imports students: preview, correct, commit, read again."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.factories import Make
from services.api.tests.import_desk import FULL, URL, Desk, errors_of, lines, row
from sqlalchemy import func, select

from sims_core.models import Student


@pytest.fixture
def desk(api: Api, make: Make) -> Desk:
    make.place("MBBS", "2026", "A", year=2026)
    return Desk(api.as_("Registrar"), make)


def test_one_bad_row_is_named_and_the_rest_is_committed(desk: Desk) -> None:
    found = desk.preview(
        lines(
            "2026-1, Amina Yusuf ,MBBS,2026,A,active,amina@example.edu,+92 300 1234567,2004-09-30",
            "2026-2,Bilal,MBBS,2026,A,expelled,bilal,12,30.09.2004",
            "2026-3,Chen,mbbs,2026,a,ON_LEAVE,,,",
            header=FULL,
        )
    )
    job = found.pop("import_job_id")
    assert found == {
        "total_rows": 3,
        "valid_rows": 2,
        "invalid_rows": 1,
        "duplicate_file_warning": False,
        "summary": {"CREATE": 2, "UPDATE": 0, "SKIP": 1},
        "preview_rows": [
            {
                "row_number": 2,
                "action": "CREATE",
                "errors": [],
                "changes": [],
                "data": {
                    "reg_no": "2026-1",
                    "name": " Amina Yusuf ",
                    "program_name": "MBBS",
                    "batch_name": "2026",
                    "group_name": "A",
                    "status": "active",
                    "email": "amina@example.edu",
                    "phone": "+92 300 1234567",
                    "date_of_birth": "2004-09-30",
                },
            },
            {
                "row_number": 3,
                "action": "SKIP",
                "errors": [
                    {
                        "column": "status",
                        "message": "'expelled' is not one of active, inactive, graduated,"
                        " suspended, on_leave",
                    },
                    {"column": "email", "message": "'bilal' is not an e-mail address"},
                    {
                        "column": "phone",
                        "message": "'12' is not a phone number like +92 300 1234567",
                    },
                    {
                        "column": "date_of_birth",
                        "message": "'30.09.2004' is not a date like 2004-09-30",
                    },
                ],
                "changes": [],
                "data": found["preview_rows"][1]["data"],
            },
            {
                "row_number": 4,
                "action": "CREATE",
                "errors": [],
                "changes": [],
                "data": found["preview_rows"][2]["data"],
            },
        ],
    }
    assert desk.students() == {}  # a preview changes nothing

    answer = desk.commit({"import_job_id": job})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "import_job_id": job,
            "status": "COMMITTED",
            "created": 2,
            "updated": 0,
            "skipped": 1,
            "invalid_rows": 1,
        },
    )
    students = desk.students()
    assert students.keys() == {"2026-1", "2026-3"}
    amina, chen = students["2026-1"], students["2026-3"]
    assert (amina.name, amina.email, amina.phone) == (
        "Amina Yusuf",
        "amina@example.edu",
        "+92 300 1234567",
    )
    assert (amina.date_of_birth, amina.enrollment_year) == (date(2004, 9, 30), 2026)
    assert (chen.status, chen.email, chen.date_of_birth) == ("on_leave", None, None)
    assert desk.client.get("/api/students/").json()["count"] == 2


def test_the_template_is_a_file_that_can_be_imported(desk: Desk) -> None:
    answer = desk.client.get(f"{URL}/template/")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="students-template.csv"'
    found = desk.preview(answer.content)
    assert errors_of(found) == []
    desk.commit(found)
    (student,) = desk.students().values()
    assert student.phone == "+92 300 1234567"


def test_the_file_of_errors_is_safe_to_open_and_can_come_back_corrected(desk: Desk) -> None:
    evil = '=HYPERLINK("http://evil")'
    found = desk.preview(
        lines(
            f'2026-1,"{evil.replace(chr(34), chr(34) * 2)}",MBBS,2026,A,wrong,,+92 300 1234567,',
            "2026-2,-2+3,MBBS,2026,A,active,@SUM(A1),,",
            "2026-3,Chen,MBBS,2026,A,active,,,",
            header=FULL,
        )
    )
    answer = desk.client.get(f"{URL}/{found['import_job_id']}/errors.csv/")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="errors-')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(r["row_number"], r["reg_no"]) for r in rows] == [("2", "2026-1"), ("3", "2026-2")]
    cells = [cell for r in csv.reader(io.StringIO(answer.text)) for cell in r]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert rows[0]["name"] == f"'{evil}"
    assert rows[0]["errors"].startswith("status: 'wrong' is not one of")

    corrected = answer.text.replace("wrong", "active", 1).replace("'@SUM(A1)", "")
    again = desk.preview(corrected)
    assert errors_of(again) == []
    desk.commit(again)
    students = desk.students()
    assert (students["2026-1"].name, students["2026-1"].phone) == (evil, "+92 300 1234567")
    assert students["2026-2"].name == "-2+3"


def test_a_file_name_is_only_shown(desk: Desk) -> None:
    shown = {
        "../../etc/passwd": "passwd",
        "C:\\Users\\x\\students.csv": "students.csv",
        "..\\..\\x": "x",
        "a\x1b[31mb.csv": "a[31mb.csv",
        "استمارة.csv": "استمارة.csv",
        "x" * 400: "x" * 255,
        "dir/": "students.csv",
        "<script>.csv": "<script>.csv",
    }
    for sent in shown:
        assert desk.send(lines(row()), name=sent).status_code == 200
    jobs = desk.client.get(f"{URL}/jobs/").json()
    assert [job["file_name"] for job in jobs] == list(shown.values())[::-1]


def test_jobs_and_their_rows_can_be_read_again(desk: Desk) -> None:
    rows = [row(str(n), rest="MBBS,2026,A,active" if n % 3 else "x,x,x,x") for n in range(9)]
    job = desk.preview(lines(*rows))["import_job_id"]
    (listed,) = desk.client.get(f"{URL}/jobs/").json()
    assert listed.pop("created_at") is not None
    assert listed == {
        "import_job_id": job,
        "status": "PREVIEWED",
        "mode": "CREATE_ONLY",
        "file_name": "students.csv",
        "total_rows": 9,
        "valid_rows": 6,
        "invalid_rows": 3,
        "created": 0,
        "updated": 0,
        "skipped": 0,
        "committed_at": None,
    }
    detail = f"{URL}/{job}/detail/"
    page = desk.client.get(detail, params={"page": 2, "page_size": 4}).json()
    assert (page["count"], page["page"]) == (9, 2)
    assert [r["row_number"] for r in page["preview_rows"]] == [6, 7, 8, 9]
    invalid = desk.client.get(detail, params={"only": "invalid"}).json()
    assert [r["row_number"] for r in invalid["preview_rows"]] == [2, 5, 8]
    for wrong in ({"page": 0}, {"page_size": 201}, {"only": "x"}, {"page": "x"}):
        problem_of(desk.client.get(detail, params=wrong), 400, "VALIDATION_ERROR")


def test_of_a_large_file_the_preview_shows_every_error_first(desk: Desk) -> None:
    rows = [row(str(n), rest="MBBS,2026,A,active" if n else "x,x,x,x") for n in range(700)][::-1]
    found = desk.preview(lines(*rows))
    assert found["total_rows"] == 700
    shown = [r["row_number"] for r in found["preview_rows"]]
    assert len(shown) == 500
    assert shown == sorted(shown)
    assert shown[-1] == 701  # the bad one, last in the file
    assert desk.commit(found).json()["created"] == 699
    count = desk.make.session.scalar(select(func.count()).select_from(Student))
    assert count == desk.client.get("/api/students/").json()["count"] == 699


def test_the_form_has_a_file_and_a_mode_each_once_and_nothing_else(shared_api: Api) -> None:
    client = shared_api.as_("Registrar")
    file = ("file", ("a.csv", lines(row()).encode()))
    for form, files in (
        ({"mode": "REPLACE"}, [file]),
        ({"mod": "UPSERT"}, [file]),
        ({"mode": ["UPSERT", "CREATE_ONLY"]}, [file]),
        ({}, [file, file]),
        ({"mode": "UPSERT"}, [("upload", ("a.csv", b"x"))]),
        ({"mode": "UPSERT", "file": "text"}, [("x", ("a.csv", b"x"))]),
    ):
        answer = client.post(f"{URL}/preview/", data=form, files=files)
        assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"], form


def test_a_repeated_commit_with_a_key_gets_the_first_answer(desk: Desk) -> None:
    found = desk.preview(lines(row()))
    body = {"import_job_id": found["import_job_id"], "confirm": True}
    headers = {"Idempotency-Key": "commit-1"}
    first = desk.client.post(f"{URL}/commit/", json=body, headers=headers)
    second = desk.client.post(f"{URL}/commit/", json=body, headers=headers)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
