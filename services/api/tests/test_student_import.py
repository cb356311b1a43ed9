"""A registrar imports students: preview, correct, commit."""

from __future__ import annotations

import csv
import io
import itertools
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import httpx
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.factories import Make, Place
from sqlalchemy import func, select

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


@pytest.fixture
def desk(api: Api, make: Make) -> Desk:
    make.place("MBBS", "2026", "A", year=2026)
    return Desk(api.as_("Registrar"), make)


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
                "data": found["preview_rows"][1]["data"],
            },
            {
                "row_number": 4,
                "action": "CREATE",
                "errors": [],
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


@pytest.mark.parametrize(
    "content",
    [
        lines(row()).encode("utf-8-sig"),
        lines(row()).replace("\n", "\r\n"),
        lines(row()).replace(",", ";"),
        lines(row()).replace(",", "\t"),
        lines(row()).rstrip("\n"),
        lines("", ",,,,,", row(), "", ""),
        lines(row(), header=HEADER.upper().replace(",", " , ")),
        lines("active,A,2026,MBBS,Amina,2026-1", header=",".join(HEADER.split(",")[::-1])),
        lines('"2026-1","Amina","MBBS","2026","A","active"'),
        lines(row() + ",,,", header=HEADER + ",,,"),
        lines("2026-1,Amina,MBBS,2026,A,active", header=FULL),
        lines(row()).replace("\n", "\r\n").encode("utf-8-sig").replace(b",", b";"),
        lines(row()).replace("\n", "\r"),
    ],
    ids=itertools.count(),
)
def test_the_forms_that_spreadsheets_write_are_understood(desk: Desk, content: str | bytes) -> None:
    found = desk.preview(content)
    assert (found["total_rows"], errors_of(found)) == (1, [])
    assert desk.commit(found).json()["created"] == 1
    assert desk.students()["2026-1"].name == "Amina"


def test_a_quoted_cell_may_hold_separators_quotes_and_row_numbers_stay_those_of_the_file(
    desk: Desk,
) -> None:
    found = desk.preview(
        lines(
            '2026-1,"Yusuf, ""Amina""",MBBS,2026,A,active',
            '2026-2,"two\nlines",MBBS,2026,A,active',
            "",
            "2026-3,Chen,MBBS,2027,A,active",
        )
    )
    assert errors_of(found) == [
        (4, "name", "must be one line without control characters"),
        (6, "batch_name", "batch '2027' does not exist (in MBBS)"),
    ]
    desk.commit(found)
    assert [s.name for s in desk.students().values()] == ['Yusuf, "Amina"']


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (lines(row(name="Núñez")).encode("latin-1"), "CSV_NOT_UTF8", "UTF-8"),
        (lines(row()).encode("utf-16"), "CSV_NOT_UTF8", "UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "CSV_NOT_UTF8", "UTF-8"),
        (b"PK\x03\x04\x14\0\6\0" + b"\0" * 40, "NUL_BYTE", "not a CSV"),
        (b"", "CSV_COLUMNS", "reg_no"),
        (b"\n\n\n", "CSV_COLUMNS", "reg_no"),
        (HEADER, "CSV_EMPTY", "no rows"),
        (HEADER + "\n\n,,,,,\n", "CSV_EMPTY", "no rows"),
        (lines(row()).replace("status", "state"), "CSV_COLUMNS", "lacks status"),
        (lines(row() + ",x", header=HEADER + ",grade"), "CSV_COLUMNS", "unknown columns grade"),
        (lines(row() + ",x", header=HEADER + ",name"), "CSV_COLUMNS", "a column twice"),
        (lines(row() + ",too,many"), "CSV_MALFORMED", "Line 2 has 8 cells for 6"),
        (lines('2026-1,"Amina,MBBS,2026,A,active'), "CSV_MALFORMED", "Line 2"),
        (lines('2026-1,"Ami"na,MBBS,2026,A,active'), "CSV_MALFORMED", "Line 2"),
        (lines(row(name="x" * 200_000)), "CSV_MALFORMED", "field larger"),
    ],
    ids=itertools.count(),
)
def test_a_file_that_is_not_such_a_csv_is_refused_with_the_reason(
    shared_api: Api, content: str | bytes, code: str, words: str
) -> None:
    desk = Desk(shared_api.as_("Registrar"), shared_api.make)
    assert words in problem_of(desk.send(content), 400, code)["detail"]


def test_a_file_over_the_limits_is_refused(start_api: Callable[..., Api], make: Make) -> None:
    api = start_api(import_max_rows=3, import_max_body=4096)
    desk = Desk(api.as_("Registrar"), make)
    rows = [row(f"2026-{n}") for n in range(4)]
    assert desk.preview(lines(*rows[:3]))["total_rows"] == 3
    detail = problem_of(desk.send(lines(*rows)), 400, "CSV_TOO_LONG")["detail"]
    assert "3 rows" in detail
    assert "4096 bytes" in problem_of(desk.send("x" * 5000), 413, "TOO_LARGE")["detail"]


def test_an_upload_may_be_larger_than_other_bodies(
    start_api: Callable[..., Api], make: Make
) -> None:
    api = start_api(api_max_body=2048)
    desk = Desk(api.as_("Registrar"), make)
    problem_of(desk.send("x," * 5000), 400, "CSV_COLUMNS")
    body = {"reg_no": "1", "name": "x" * 3000, "program": 1}
    problem_of(desk.client.post("/api/students/", json=body), 413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("bad", "column", "message"),
    [
        (row(reg_no=""), "reg_no", "must not be empty"),
        (row(reg_no="x" * 33), "reg_no", "String should have at most 32 characters"),
        (row(name="  "), "name", "must not be empty"),
        (row(name="x" * 256), "name", "String should have at most 255 characters"),
        (row(name="a\tb"), "name", "must be one line without control characters"),
        (row(rest="MBBS,2026,A,"), "status", "must not be empty"),
        (row(rest="BDS,2026,A,active"), "program_name", "program 'BDS' does not exist"),
        (row(rest="MBBS,2027,A,active"), "batch_name", "batch '2027' does not exist (in MBBS)"),
        (row(rest="MBBS,2026,B,active"), "group_name", "group 'B' does not exist (in 2026)"),
        (row(rest=",2026,A,active"), "program_name", "must not be empty"),
        (row(rest="MBBS,2026"), "group_name", "must not be empty"),
    ],
    ids=itertools.count(),
)
def test_a_row_that_breaks_a_rule_says_which(
    desk: Desk, bad: str, column: str, message: str
) -> None:
    found = desk.preview(lines(bad, row("2026-2")))
    assert (2, column, message) in errors_of(found)
    assert {number for number, _, _ in errors_of(found)} == {2}
    assert desk.commit(found).json()["created"] == 1


def test_names_lead_to_places_within_their_program_and_batch_only(desk: Desk) -> None:
    desk.make.place("BDS", "2026", "B")
    found = desk.preview(lines(row(rest="MBBS,2026,B,active"), row("2", rest="BDS,2026,b,active")))
    assert errors_of(found) == [(2, "group_name", "group 'B' does not exist (in 2026)")]


def test_names_that_differ_in_case_alone_must_be_written_exactly(desk: Desk) -> None:
    other = desk.make.place("Mbbs", "2026", "A")
    found = desk.preview(
        lines(
            row("1", rest="mbbs,2026,A,active"),
            row("2", rest="MBBS,2026,A,active"),
            row("3", rest="Mbbs,2026,A,active"),
        )
    )
    assert errors_of(found) == [
        (2, "program_name", "program could be MBBS or Mbbs; write it exactly so")
    ]
    desk.commit(found)
    students = desk.students()
    assert students["3"].program_id == other.program.id != students["2"].program_id


def test_a_number_twice_in_the_file_is_an_error_of_the_later_row(desk: Desk) -> None:
    found = desk.preview(lines(row("7"), row("8"), row(" 7 ", name="Other")))
    assert errors_of(found) == [(4, "reg_no", "7 is on line 2 already")]
    desk.commit(found)
    assert desk.students()["7"].name == "Amina"


def test_an_existing_number_is_an_error_unless_upsert_is_asked_for(desk: Desk) -> None:
    place = desk.make.place("BDS", "2025", "C", year=2025)
    old = desk.make.student(place.program, reg_no="7", name="Old", email="old@example.edu")
    text = lines(row("7", name="New"), row("8"))

    found = desk.preview(text)
    assert errors_of(found) == [(2, "reg_no", "7 exists already")]

    found = desk.preview(text, "UPSERT")
    assert found["summary"] == {"CREATE": 1, "UPDATE": 1, "SKIP": 0}
    answer = desk.commit(found).json()
    assert (answer["created"], answer["updated"], answer["skipped"]) == (1, 1, 0)
    new = desk.students()["7"]
    assert (new.id, new.name, new.email, new.version) == (old.id, "New", None, 2)
    assert (new.enrollment_year, new.program_id == place.program.id) == (2026, False)

    again = desk.preview(text, "UPSERT")  # nothing would change
    assert again["summary"] == {"CREATE": 0, "UPDATE": 0, "SKIP": 2}
    assert again["duplicate_file_warning"] is True
    assert desk.commit(again).json()["updated"] == 0
    assert desk.students()["7"].version == 2


def test_an_import_is_committed_once(desk: Desk) -> None:
    found = desk.preview(lines(row()))
    assert desk.commit(found).status_code == 200
    problem_of(desk.commit(found), 400, "IMPORT_NOT_PREVIEWED")
    assert len(desk.students()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"import_job_id": str(uuid.UUID(int=1))},
        {"import_job_id": str(uuid.UUID(int=1)), "confirm": False},
        {"import_job_id": str(uuid.UUID(int=1)), "confirm": "true"},
        {"import_job_id": "no-uuid", "confirm": True},
        {"import_job_id": str(uuid.UUID(int=1)), "confirm": True, "mode": "UPSERT"},
    ],
)
def test_a_commit_needs_the_job_and_a_confirmation(shared_api: Api, body: dict[str, Any]) -> None:
    answer = shared_api.as_("Registrar").post(f"{URL}/commit/", json=body)
    assert problem_of(answer, 400, "VALIDATION_ERROR")["errors"]


def test_a_job_that_is_not_there_is_a_404(shared_api: Api) -> None:
    client = shared_api.as_("Registrar")
    body = {"import_job_id": str(uuid.uuid4()), "confirm": True}
    problem_of(client.post(f"{URL}/commit/", json=body), 404, "NOT_FOUND")
    problem_of(client.get(f"{URL}/{uuid.uuid4()}/detail/"), 404, "NOT_FOUND")
    problem_of(client.get(f"{URL}/not-a-uuid/errors.csv/"), 400, "VALIDATION_ERROR")


def test_a_number_taken_since_the_preview_is_skipped_not_overwritten(
    desk: Desk,
) -> None:
    for mode in ("CREATE_ONLY", "UPSERT"):
        found = desk.preview(lines(row(f"{mode}-1"), row(f"{mode}-2")), mode)
        desk.make.student(reg_no=f"{mode}-1", name="Somebody else")
        answer = desk.commit(found).json()
        assert (answer["created"], answer["skipped"]) == (1, 1)
        assert desk.students()[f"{mode}-1"].name == "Somebody else"


def test_a_student_changed_since_the_preview_is_skipped_not_overwritten(desk: Desk) -> None:
    student = desk.make.student(reg_no="7", name="Old")
    found = desk.preview(lines(row("7", name="From the file")), "UPSERT")
    changed = desk.client.patch(f"/api/students/{student.id}/", json={"name": "By hand"})
    assert changed.status_code == 200
    answer = desk.commit(found).json()
    assert (answer["updated"], answer["skipped"]) == (0, 1)
    assert desk.students()["7"].name == "By hand"


def test_a_place_removed_since_the_preview_stops_the_whole_commit(desk: Desk) -> None:
    place: Place = desk.make.place("BDS", "2026", "Z")
    found = desk.preview(lines(row("1"), row("2", rest="BDS,2026,Z,active")))
    desk.make.session.delete(place.group)
    desk.make.session.commit()
    problem_of(desk.commit(found), 400, "VALIDATION_ERROR")
    assert desk.students() == {}
    detail = desk.client.get(f"{URL}/{found['import_job_id']}/detail/").json()
    assert detail["status"] == "PREVIEWED"


def test_two_commits_of_one_job_at_once_happen_once(desk: Desk) -> None:
    found = desk.preview(lines(*(row(str(n)) for n in range(200))))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: desk.commit(found), range(4)))
    assert sorted(a.status_code for a in answers) == [200, 400, 400, 400]
    assert len(desk.students()) == 200


def test_two_files_with_the_same_students_in_another_order_do_not_wait_for_each_other(
    desk: Desk,
) -> None:
    numbers = [str(n) for n in range(1500)]  # more than one statement each
    jobs = [
        desk.preview(lines(*(row(n) for n in order)))
        for order in (numbers, numbers[::-1], numbers, numbers[::-1])
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(desk.commit, jobs))
    assert [a.status_code for a in answers] == [200] * 4, [a.text for a in answers]
    assert sum(a.json()["created"] for a in answers) == 1500
    assert len(desk.students()) == 1500


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
