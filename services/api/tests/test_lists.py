"""Lists: every row once and in order, whatever the order, the filter and the page size."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from services.api.tests.conftest import Api, problem_of
from sqlalchemy import delete, insert, text

from sims_api.students.resource import STUDENTS
from sims_core.domain.students import STATUSES
from sims_core.models import Student, StudentStatusChange

PATH = "/api/students/"
ORDERINGS = [o for name in STUDENTS.orderings for o in (name, f"-{name}")]
MOMENTS = [
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]
PRINTABLE = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))
NAMES = st.sampled_from(["Ali", "ali", "Äli", "İrem", "Straße", "a%b", r"a\b", "a_b", "O'Hara"])
ROW = st.fixed_dictionaries(
    {
        "reg_no": st.text(PRINTABLE, min_size=1, max_size=8),
        "name": NAMES | st.text(PRINTABLE, min_size=1, max_size=20),
        "enrollment_year": st.sampled_from([2023, 2024]),
        "created_at": st.sampled_from(MOMENTS),
        "status": st.sampled_from([str(s) for s in STATUSES][:2]),
        "program_id": st.sampled_from([0, 1]),
    }
)
ROWS = st.lists(ROW, max_size=12, unique_by=lambda row: row["reg_no"])
SEARCHES = st.sampled_from(["%", "_", "\\", "'", "ALI", "i̇", "ß", "  a  "]) | st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=2
)
several = settings(max_examples=20, deadline=None)


@dataclass
class Register:
    """A student register whose rows a test replaces, and a client that lists it."""

    api: Api
    client: httpx.Client
    programs: list[int]

    def fill(self, rows: list[dict[str, Any]]) -> None:
        session = self.api.make.session
        session.execute(delete(StudentStatusChange))  # which each new student has
        session.execute(delete(Student))
        if rows:
            known = [{**r, "program_id": self.programs[r["program_id"]]} for r in rows]
            session.execute(insert(Student), known)
        session.commit()

    def numbered(self, count: int, **values: Any) -> None:
        usual = {"name": "Same", "program_id": 0, "enrollment_year": 2024}
        self.fill([{**usual, "reg_no": f"S{i:03}", **values} for i in range(count)])

    def add(self, reg_no: str) -> None:
        self.api.make.student(program_id=self.programs[0], reg_no=reg_no)

    def remove(self, id_: int) -> None:
        session = self.api.make.session
        session.execute(delete(StudentStatusChange).where(StudentStatusChange.student_id == id_))
        session.execute(delete(Student).where(Student.id == id_))
        session.commit()

    def expected(self, ordering: str, where: str = "true", **values: Any) -> list[int]:
        """Ids as plain SQL orders them."""
        down = "DESC" if ordering.startswith("-") else "ASC"
        column = ordering.removeprefix("-")
        statement = f"SELECT id FROM student WHERE {where} ORDER BY {column} {down}, id {down}"
        session = self.api.make.session
        found = [row.id for row in session.execute(text(statement), values)]
        session.rollback()
        return found

    def get(self, address: str = PATH, **query: Any) -> dict[str, Any]:
        answer = self.client.get(address, params=query or None)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def walk(self, page: dict[str, Any], way: str = "next") -> Iterator[dict[str, Any]]:
        """``page`` and all that follow it."""
        for _ in range(100):
            yield page
            if page[way] is None:
                return
            page = self.get(page[way])
        pytest.fail(f"{way} never ends")


def ids(page: dict[str, Any]) -> list[int]:
    return [row["id"] for row in page["results"]]


def ids_of(pages: Iterable[dict[str, Any]]) -> list[list[int]]:
    return [ids(page) for page in pages]


def flat(pages: Iterable[dict[str, Any]]) -> list[int]:
    return [id_ for page in pages for id_ in ids(page)]


@pytest.fixture(scope="module")
def register(shared_api: Api) -> Register:
    programs = [shared_api.make.program().id for _ in range(2)]
    return Register(shared_api, shared_api.as_("Registrar"), programs)


@several
@given(rows=ROWS, ordering=st.sampled_from(ORDERINGS), size=st.integers(1, 5))
@example(rows=[], ordering="name", size=1)
def test_next_gives_each_row_once_in_order_and_previous_and_numbers_agree(
    register: Register, rows: list[dict[str, Any]], ordering: str, size: int
) -> None:
    register.fill(rows)
    query: dict[str, Any] = {"ordering": ordering, "page_size": size}
    expected = register.expected(ordering)
    pages = list(register.walk(register.get(**query)))
    assert flat(pages) == expected
    assert {page["count"] for page in pages} == {len(rows)}
    assert pages[0]["previous"] is None
    back = list(register.walk(pages[-1], "previous"))
    assert ids_of(back)[::-1] == ids_of(pages)
    numbered = [register.get(**query, page=n) for n in range(1, len(pages) + 1)]
    assert ids_of(numbered) == ids_of(pages)
    for page in numbered:  # a walk may start at any number
        start = expected.index(ids(page)[0]) if page["results"] else 0
        assert flat(register.walk(page)) == expected[start:]
    past = register.client.get(PATH, params={**query, "page": len(pages) + 1})
    assert str(len(pages)) in problem_of(past, 404, "NOT_FOUND")["detail"]


@several
@given(rows=ROWS, ordering=st.sampled_from(ORDERINGS), search=SEARCHES, program=st.integers(0, 1))
def test_filters_and_search_hold_on_every_page_and_count(
    register: Register, rows: list[dict[str, Any]], ordering: str, search: str, program: int
) -> None:
    register.fill(rows)
    status, program_id = str(STATUSES[0]), register.programs[program]
    expected = register.expected(
        ordering,
        "position(lower(:search) in search_text) > 0"
        " AND status = :status AND program_id = :program",
        search=search.strip(),
        status=status,
        program=program_id,
    )
    query: dict[str, Any] = {"search": search, "status": status, "program": program_id}
    pages = list(register.walk(register.get(ordering=ordering, page_size=2, **query)))
    assert flat(pages) == expected
    assert {page["count"] for page in pages} == {len(expected)}
    assert ids_of(list(register.walk(pages[-1], "previous")))[::-1] == ids_of(pages)


@pytest.mark.parametrize("search", ["%", "_", "\\", "'", "100%_\\'"])
def test_a_search_takes_each_character_as_it_is(register: Register, search: str) -> None:
    register.numbered(3)
    assert register.get(search=search)["count"] == 0
    register.add(f"x{search}y")
    assert [r["reg_no"] for r in register.get(search=search)["results"]] == [f"x{search}y"]


@pytest.mark.parametrize("ordering", ["reg_no", "-reg_no"])
def test_an_insert_or_delete_during_a_walk_repeats_and_drops_no_other_row(
    register: Register, ordering: str
) -> None:
    register.numbered(10)
    before = register.expected(ordering)
    seen = []
    for n, page in enumerate(register.walk(register.get(ordering=ordering, page_size=3))):
        seen += ids(page)
        if n == 1:
            for reg_no in ("A", "S004a", "S005a", "S006a", "Z"):
                register.add(reg_no)
            register.remove(seen[-1])
    assert [id_ for id_ in seen if id_ in before] == before
    assert len(set(seen)) == len(seen)
    assert page["count"] == 14


def test_rows_added_behind_the_last_page_are_reached_by_its_cursor(register: Register) -> None:
    register.numbered(2)
    first = register.get(page_size=1)
    assert register.get(first["next"])["next"] is None
    register.add("T")
    assert len(list(register.walk(register.get(first["next"])))) == 2


REFUSED = (
    "colour=red ordering=phone ordering=--name ordering=search_text ordering= status=asleep"
    " program=one program=9223372036854775808 program=0 search=+ page=0 page=1.0 page="
    f" search={'x' * 101} page_size=0 page_size=201 page_size=-1"
).split()


@pytest.mark.parametrize("query", REFUSED)
def test_what_a_list_does_not_know_is_a_400_that_names_it(register: Register, query: str) -> None:
    body = problem_of(register.client.get(f"{PATH}?{query}"), 400, "VALIDATION_ERROR")
    name = query.partition("=")[0]
    assert {wrong["pointer"] for wrong in body["errors"]} == {name}
    assert name in body["detail"]


def test_page_sizes_at_the_bounds(register: Register) -> None:
    register.numbered(201)
    assert [len(register.get(page_size=n)["results"]) for n in (1, 200)] == [1, 200]
    assert len(register.get()["results"]) == 50


def cursor_of(page: dict[str, Any]) -> str:
    return httpx.URL(page["next"]).params["cursor"]


def forged(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def test_a_cursor_that_is_not_of_this_list_is_a_400(register: Register) -> None:
    register.numbered(3)
    own = cursor_of(register.get(page_size=1))
    assert register.get(cursor=own, page_size=1)["count"] == 3
    other = register.client.get("/api/academics/programs/", params={"page_size": 1}).json()
    bad = {own[:n] for n in range(len(own))} | {own + own, own + "!", "ü", "null", "e30"}
    bad |= {cursor_of(other), "[" * 2000, forged(), forged("id", "n", 1)}
    bad |= {forged("-reg_no", "n", "S000", 1), forged("reg_no", "x", "S000", 1)}
    keys: list[tuple[Any, ...]] = [("S000",), (1, 1), ("a", "1"), ("a", None), ("\0", 1)]
    keys += [("a", 2**63), ("\ud800", 1), ("a", 1, 1), (["a"], 1)]
    bad |= {forged("reg_no", "n", *key) for key in keys}
    for cursor in sorted(bad):
        answer = register.client.get(PATH, params={"cursor": cursor})
        body = problem_of(answer, 400, "VALIDATION_ERROR")
        assert [wrong["pointer"] for wrong in body["errors"]] == ["cursor"], cursor


def test_a_cursor_of_another_ordering_or_beside_a_page_is_a_400(register: Register) -> None:
    register.numbered(3)
    own = cursor_of(register.get(page_size=1))
    for query in ({"ordering": "-reg_no"}, {"ordering": "name"}, {"page": 2}):
        answer = register.client.get(PATH, params={"cursor": own, **query})
        problem_of(answer, 400, "VALIDATION_ERROR")
