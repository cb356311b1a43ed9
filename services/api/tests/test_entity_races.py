"""Many at once on one entity: nobody overwrites what they have not seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from services.api.tests.conftest import Api
from services.api.tests.entity_cases import Case, every_entity, made


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def client(api: Api) -> httpx.Client:
    return api.as_("Registrar")


@every_entity
def test_of_many_writers_with_the_same_etag_exactly_one_wins(
    api: Api, client: httpx.Client, case: Case
) -> None:
    row = made(client, case.path, case.body(api.make, api.make.number()))
    here = f"{case.path}{row['id']}/"
    clients = [api.as_("Registrar") for _ in range(5)]

    def write(one: httpx.Client) -> int:
        return one.patch(here, json=case.change, headers={"If-Match": '"1"'}).status_code

    with ThreadPoolExecutor(5) as pool:
        statuses = sorted(pool.map(write, clients))
    assert statuses == [200, 412, 412, 412, 412]
    assert client.get(here).json()["version"] == 2


def test_without_if_match_no_write_is_lost_either(api: Api, client: httpx.Client) -> None:
    row = made(client, "/api/academics/departments/", {"name": "Busy", "code": "busy"})
    here = f"/api/academics/departments/{row['id']}/"
    bodies = [{"name": "Busy 2"}, {"code": "busy-2"}, {"description": "both"}] * 3
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda body: client.patch(here, json=body), bodies))
    assert {a.status_code for a in answers} == {200}
    found = client.get(here).json()
    assert (found["name"], found["code"], found["description"]) == ("Busy 2", "busy-2", "both")


def test_many_creations_of_one_name_make_one_row(api: Api, client: httpx.Client) -> None:
    body = {"name": "Once", "code": "once"}
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda _: client.post("/api/academics/departments/", json=body), range(6))
        )
    assert sorted(a.status_code for a in answers) == [201, *[409] * 5]
