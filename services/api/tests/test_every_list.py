"""What holds for every list of the API, found by its description and not by its name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import jsonschema_rs
import pytest
from services.api.tests.conftest import Api, problem_of
from services.api.tests.exam_rows import exam_rows
from services.api.tests.record_rows import record_of

ROWS = 7


@dataclass(frozen=True)
class List:
    """A list as OpenAPI describes it."""

    path: str
    parameters: dict[str, dict[str, Any]]
    schema: dict[str, Any]

    @property
    def orderings(self) -> list[str]:
        found: list[str] = self.parameters["ordering"]["enum"]
        return found


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    """Some rows of each entity, with equal values to order by."""
    make = shared_api.make
    staff = make.user("Registrar")
    for n in range(ROWS):
        place = make.place(year=2024 + n % 2)
        student = make.student(place.program, name=f"Same {n % 2}", email=f"s{n}@example.edu")
        make.result(student, ("DRAFT", "PUBLISHED", "FROZEN")[n % 3])
        make.transcript_request(student, by=staff)
        block = make.block(name=f"Block {n % 2}")
        make.module(block_id=block.id, order=1 + n % 2)
        section = make.section(staff, name=f"Same {n % 2}")
        make.enrollment(section, student)
        exam_rows(make, student, staff, n)
        record_of(make, student, section, staff)
        make.room(capacity=30 + n % 2)
        make.transcript_document(student, by=staff)
        make.transcript_purpose()
        make.user("Faculty")
    return shared_api


@pytest.fixture(scope="module")
def client(api: Api) -> httpx.Client:
    return api.as_("Admin")


@pytest.fixture(scope="module")
def lists(api: Api) -> list[List]:
    document = api.client().get("/api/schema/").json()
    found = []
    for path, operations in document["paths"].items():
        operation = operations.get("get", {})
        parameters = {p["name"]: p["schema"] for p in operation.get("parameters", [])}
        if "page" in parameters and "ordering" in parameters:
            answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
            components = {"components": document["components"]}
            found.append(List(path, parameters, answer | components))
    assert len(found) == 40
    return found


def get(client: httpx.Client, address: str, **query: Any) -> dict[str, Any]:
    answer = client.get(address, params=query or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def everything(client: httpx.Client, path: str, **query: Any) -> list[Any]:
    """All rows, in the largest pages that there are."""
    page = get(client, path, page_size=200, **query)
    rows: list[Any] = page["results"]
    while page["next"]:
        page = get(client, page["next"])
        rows += page["results"]
    return rows


def test_each_row_comes_once_in_each_order_both_ways_and_by_number(
    client: httpx.Client, lists: list[List]
) -> None:
    for one in lists:
        for ordering in one.orderings:
            whole = everything(client, one.path, ordering=ordering)
            assert len(whole) >= ROWS
            size = max(3, len(whole) // 9)  # the audit trail is long
            pages = [get(client, one.path, ordering=ordering, page_size=size)]
            while pages[-1]["next"]:
                pages.append(get(client, pages[-1]["next"]))
            assert [row for page in pages for row in page["results"]] == whole
            assert {page["count"] for page in pages} == {len(whole)}
            numbered = [
                get(client, one.path, ordering=ordering, page_size=size, page=n + 1)["results"]
                for n in range(len(pages))
            ]
            assert numbered == [page["results"] for page in pages]
            back = [pages[-1]]
            while back[-1]["previous"]:
                back.append(get(client, back[-1]["previous"]))
            assert [page["results"] for page in back[::-1]] == numbered
            opposite = ordering.removeprefix("-") if ordering[0] == "-" else f"-{ordering}"
            assert everything(client, one.path, ordering=opposite) == whole[::-1]


def test_a_row_of_a_list_is_the_same_as_the_detail_and_keeps_the_schema(
    client: httpx.Client, lists: list[List]
) -> None:
    """Lists are written straight from the database, past the schema that they promise."""
    for one in lists:
        page = get(client, one.path)
        jsonschema_rs.validate(one.schema, page, validate_formats=True)
        for row in page["results"]:
            detail = client.get(f"{one.path}{row['id']}/")
            assert detail.json() == row
            assert list(detail.json()) == list(row)


def test_every_filter_narrows_by_the_field_of_its_name(
    client: httpx.Client, lists: list[List]
) -> None:
    plain = {"page", "page_size", "cursor", "search", "ordering"}
    plain |= {
        "teacher",
        "period",
        "group_of",
        "in_section",
        "starts_from",
        "starts_before",
        "role",
        "date_from",
        "date_to",
    }  # criteria, proven where they are declared
    renamed = {"student": "student_id", "batch": "batch_id"}
    other = {("/api/audit/", "actor"): "actor_id"}
    tried = 0
    for one in lists:
        whole = everything(client, one.path)
        for name in one.parameters.keys() - plain:
            field = other.get((one.path, name)) or (name if name in whole[0] else renamed[name])
            values = {json.dumps(row[field]): row[field] for row in whole}.values()
            for value in values:
                if value is None or value == "":  # of an event without a request
                    continue
                sent = str(value).lower() if isinstance(value, bool) else value
                found = everything(client, one.path, **{name: sent})
                assert found == [row for row in whole if row[field] == value]
                assert get(client, one.path, **{name: sent})["count"] == len(found)
                tried += 1
    assert tried > 50


def test_only_lists_with_a_search_take_one(client: httpx.Client, lists: list[List]) -> None:
    searchable = {one.path for one in lists if "search" in one.parameters}
    assert searchable == {"/api/students/"}
    for one in lists:
        answer = client.get(one.path, params={"search": "x"})
        if one.path in searchable:
            assert answer.status_code == 200
        else:
            problem = problem_of(answer, 400, "VALIDATION_ERROR")
            assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [
                ("search", "EXTRA_FORBIDDEN")
            ]


def test_a_cursor_belongs_to_its_list_and_ordering(client: httpx.Client, lists: list[List]) -> None:
    cursors = {
        one.path: httpx.URL(get(client, one.path, page_size=1)["next"]).params["cursor"]
        for one in lists
    }
    for one in lists:
        for path, cursor in cursors.items():
            answer = client.get(one.path, params={"cursor": cursor})
            assert answer.status_code in (200, 400)
            if path == one.path:
                assert answer.status_code == 200
        for length in range(1, len(cursors[one.path])):
            cut = client.get(one.path, params={"cursor": cursors[one.path][:length]})
            assert cut.status_code in (200, 400), cut.text
    results, requests = "/api/results/", "/api/transcripts/requests/"
    answer = client.get(results, params={"cursor": cursors[requests]})
    problem = problem_of(answer, 400, "VALIDATION_ERROR")
    assert problem["errors"][0]["code"] == "INVALID_CURSOR"
