"""Which files the import understands, and what it says of rows that break a rule."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.factories import Make
from services.api.tests.import_desk import FULL, HEADER, Desk, errors_of, lines, row


@pytest.fixture
def desk(api: Api, make: Make) -> Desk:
    make.place("MBBS", "2026", "A", year=2026)
    return Desk(api.as_("Registrar"), make)


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
    assert (new.id, new.name, new.email, new.version) == (old.id, "New", "old@example.edu", 2)
    assert (new.enrollment_year, new.program_id == place.program.id) == (2026, False)

    again = desk.preview(text, "UPSERT")  # nothing would change
    assert again["summary"] == {"CREATE": 0, "UPDATE": 0, "SKIP": 2}
    assert again["duplicate_file_warning"] is True
    assert desk.commit(again).json()["updated"] == 0
    assert desk.students()["7"].version == 2


def test_an_update_shows_what_it_replaces_and_an_empty_cell_empties(desk: Desk) -> None:
    place = desk.make.place("BDS", "2026", "C", year=2026)
    desk.make.student(
        place.program,
        reg_no="7",
        name="Old",
        email="old@example.edu",
        batch_id=place.batch.id,
        group_id=place.group.id,
    )
    text = lines(row("7", name="New", rest="BDS,2026,C,active") + ",", header=f"{HEADER},email")
    found = desk.preview(text, "UPSERT")
    assert found["preview_rows"][0]["changes"] == [
        {"column": "name", "old": "Old", "new": "New"},
        {"column": "email", "old": "old@example.edu", "new": None},
    ]
    desk.commit(found)
    assert desk.students()["7"].email is None
