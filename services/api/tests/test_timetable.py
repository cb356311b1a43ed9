"""Sessions, what they clash with, series across clock changes, and the calendar feed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar
from services.api.tests.conftest import Api, problem_of
from services.api.tests.factories import Make

SESSIONS = "/api/timetable/sessions/"
AT = "2026-09-07T{}:00+05:00"


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def registrar(api: Api) -> httpx.Client:
    return api.as_("Registrar")


def at(section: int, start: str = "09:00", end: str = "10:00", **more: Any) -> dict[str, Any]:
    return {"section": section, "starts_at": AT.format(start), "ends_at": AT.format(end)} | more


def clash(answer: httpx.Response) -> list[tuple[str, str]]:
    body = problem_of(answer, 409, "TIMETABLE_CLASH")
    return [(c["kind"], c["name"]) for c in body["clashes"]]


def test_a_room_a_teacher_and_a_group_are_in_one_place_at_a_time(
    api: Api, registrar: httpx.Client
) -> None:
    make = api.make
    room, teacher, group = make.room(), make.user("Faculty"), make.place().group
    first = make.section(teacher, group_id=group.id)
    made = registrar.post(SESSIONS, json=at(first.id, room=room.id))
    assert (made.status_code, made.json()["starts_at"]) == (201, "2026-09-07T04:00:00Z")
    same_room, same_teacher = make.section(), make.section(teacher)
    same_group = make.section(group_id=group.id)
    for section, more, wanted in (
        (same_room, {"room": room.id}, [("room", room.code)]),
        (same_teacher, {}, [("teacher", teacher.username)]),
        (same_group, {}, [("group", group.name)]),
        (make.section(), {"teacher": teacher.id}, [("teacher", teacher.username)]),
        (
            make.section(teacher, group_id=group.id),
            {"room": room.id},
            [("group", group.name), ("room", room.code), ("teacher", teacher.username)],
        ),
    ):
        for start, end in (("09:00", "10:00"), ("09:59", "11:00"), ("08:00", "09:01")):
            answer = registrar.post(SESSIONS, json=at(section.id, start, end, **more))
            assert clash(answer) == wanted
        assert registrar.get(SESSIONS, params={"section": section.id}).json()["count"] == 0
    for start, end in (("08:00", "09:00"), ("10:00", "11:00")):  # next to it is no clash
        answer = registrar.post(SESSIONS, json=at(same_room.id, start, end, room=room.id))
        assert answer.status_code == 201


def test_of_many_who_book_one_room_at_once_one_gets_it(api: Api) -> None:
    room = api.make.room()
    sections = [api.make.section() for _ in range(6)]
    clients = [api.as_("Registrar") for _ in sections]
    with ThreadPoolExecutor(6) as pool:
        statuses = list(
            pool.map(
                lambda c, s: c.post(SESSIONS, json=at(s.id, room=room.id)).status_code,
                clients,
                sections,
            )
        )
    assert sorted(statuses) == [201, *[409] * 5]


def test_a_cancelled_or_moved_session_frees_what_it_booked(
    api: Api, registrar: httpx.Client
) -> None:
    room, section, other = api.make.room(), api.make.section(), api.make.section()
    here = registrar.post(SESSIONS, json=at(section.id, room=room.id)).headers["location"]
    later = {"starts_at": AT.format("13:00"), "ends_at": AT.format("14:00")}
    moved = registrar.patch(here, json=later, headers={"If-Match": '"1"'})
    assert moved.json()["starts_at"] == "2026-09-07T08:00:00Z"
    again = registrar.post(SESSIONS, json=at(other.id, room=room.id))
    assert again.status_code == 201
    assert clash(registrar.patch(here, json={k: at(0)[k] for k in ("starts_at", "ends_at")})) == [
        ("room", room.code)
    ]
    problem_of(registrar.patch(here, json={"ends_at": AT.format("12:00")}), 400, "VALIDATION_ERROR")
    assert registrar.post(f"{here}cancel/").json()["status"] == "CANCELLED"
    problem_of(registrar.post(f"{here}cancel/"), 409, "ALREADY_CANCELLED")
    third = api.make.section()
    answer = registrar.post(SESSIONS, json=at(third.id, "13:00", "14:00", room=room.id))
    assert answer.status_code == 201


def test_a_teacher_who_joins_a_section_must_be_free_then(api: Api, registrar: httpx.Client) -> None:
    teacher = api.make.user("Faculty")
    busy, wanted = api.make.section(teacher), api.make.section()
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
    for section in (busy, wanted):
        assert registrar.post(SESSIONS, json={"section": section.id, **times}).status_code == 201
    answer = registrar.patch(
        f"/api/academics/sections/{wanted.id}/", json={"teachers": [teacher.id]}
    )
    problem_of(answer, 409, "TIMETABLE_CLASH")


def test_a_series_keeps_its_local_time_when_the_clocks_change(
    start_api: Callable[..., Api], make: Make
) -> None:
    api = start_api(time_zone="Europe/Berlin")
    registrar, section, room = api.as_("Registrar"), make.section(), make.room()
    body = {
        "section": section.id,
        "room": room.id,
        "first_day": "2026-10-19",
        "last_day": "2026-11-02",
        "weekdays": [0],
        "starts": "09:00",
        "ends": "10:30",
        "without": ["2026-11-02"],
    }
    made = registrar.post(f"{SESSIONS}series/", json=body)
    assert [s["starts_at"] for s in made.json()["sessions"]] == [
        "2026-10-19T07:00:00Z",
        "2026-10-26T08:00:00Z",
    ]
    other = make.section()
    again = registrar.post(f"{SESSIONS}series/", json=body | {"section": other.id, "without": []})
    assert clash(again) == [("room", room.code)] * 2
    assert registrar.get(SESSIONS, params={"section": other.id}).json()["count"] == 0
    wrongs: list[dict[str, Any]] = [
        {"weekdays": []},
        {"weekdays": [7]},
        {"starts": "10:30"},
        {"starts": "25:00"},
        {"last_day": "2026-10-18"},
        {"first_day": "2026-10-20", "last_day": "2026-10-21"},
        {"last_day": "2028-01-01"},
    ]
    for wrong in wrongs:
        answer = registrar.post(f"{SESSIONS}series/", json=body | {"room": None} | wrong)
        problem_of(answer, 400, "VALIDATION_ERROR")


def test_sessions_without_an_offset_or_in_the_wrong_order_are_refused(
    api: Api, registrar: httpx.Client
) -> None:
    section = api.make.section().id
    wrongs: list[dict[str, Any]] = [
        {"starts_at": "2026-09-07T09:00:00"},
        {"ends_at": AT.format("09:00")},
        {"ends_at": "2026-09-09T09:00:00Z"},
        {"section": 2**52},
        {"room": 2**52},
    ]
    for wrong in wrongs:
        answer = registrar.post(SESSIONS, json=at(section) | wrong)
        problem_of(answer, 400, "VALIDATION_ERROR")


def test_nothing_is_planned_in_a_closed_period(api: Api, registrar: httpx.Client) -> None:
    section = api.make.section()
    here = registrar.post(SESSIONS, json=at(section.id)).headers["location"]
    registrar.post(f"/api/academics/academic-periods/{section.academic_period_id}/close/")
    for answer in (
        registrar.post(SESSIONS, json=at(section.id, "11:00", "12:00")),
        registrar.patch(here, json={"title": "x"}),
        registrar.post(f"{here}cancel/"),
        registrar.delete(here),
    ):
        problem_of(answer, 409, "TERM_CLOSED")


def test_each_sees_the_own_timetable(api: Api, registrar: httpx.Client) -> None:
    make = api.make
    teacher, stand_in, login = make.user("Faculty"), make.user("Faculty"), make.user("Student")
    student = make.student(user_id=login.id)
    mine, other = make.section(teacher), make.section()
    make.enrollment(mine, student)
    first = registrar.post(SESSIONS, json=at(mine.id, "07:00", "08:00")).json()["id"]
    held = at(other.id, "07:00", "08:00", teacher=stand_in.id)
    second = registrar.post(SESSIONS, json=held).json()["id"]
    for user, ids in ((teacher, {first}), (stand_in, {second}), (login, {first})):
        rows = api.sign_in(user).get(SESSIONS).json()["results"]
        assert {row["id"] for row in rows} == ids
        for id_ in (first, second):
            status = 200 if id_ in ids else 404
            assert api.sign_in(user).get(f"{SESSIONS}{id_}/").status_code == status
    query = {"starts_from": AT.format("07:00"), "starts_before": AT.format("07:01")}
    found = registrar.get(SESSIONS, params=query | {"section": mine.id}).json()["results"]
    assert [row["id"] for row in found] == [first]


def test_the_feed_is_the_own_calendar(start_api: Callable[..., Api], make: Make) -> None:
    api = start_api(time_zone="Asia/Karachi")
    teacher = make.user("Faculty")
    section = make.section(teacher, course_id=make.course(code="ANA", name="Anatomy, I").id)
    registrar, room = api.as_("Registrar"), make.room(name="Hall; A")
    start = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=1)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
    body = {"section": section.id, "room": room.id, **times}
    session = registrar.post(SESSIONS, json=body).json()
    registrar.post(SESSIONS, json={"section": make.section().id, **times})

    anybody = api.client()
    url = api.sign_in(teacher).post("/api/timetable/feed/").json()["url"]
    answer = anybody.get(url)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    (event,) = Calendar.from_ical(answer.text).walk("VEVENT")
    assert event.decoded("dtstart") == start
    assert event["summary"] == "ANA Anatomy, I"
    assert event["location"] == "Hall; A"
    registrar.post(f"{SESSIONS}{session['id']}/cancel/")
    (event,) = Calendar.from_ical(anybody.get(url).text).walk("VEVENT")
    assert event["status"] == "CANCELLED"


def test_the_feed_ends_with_its_address_or_its_owner(api: Api) -> None:
    teacher = api.make.user("Faculty")
    client, anybody, make = api.sign_in(teacher), api.client(), api.make
    url = client.post("/api/timetable/feed/").json()["url"]
    newer = client.post("/api/timetable/feed/").json()["url"]
    problem_of(anybody.get(url), 404, "NOT_FOUND")
    assert anybody.get(newer).status_code == 200
    teacher.is_active = False
    make.session.commit()
    problem_of(anybody.get(newer), 404, "NOT_FOUND")
    teacher.is_active = True
    make.session.commit()
    assert client.delete("/api/timetable/feed/").status_code == 204
    problem_of(anybody.get(newer), 404, "NOT_FOUND")
    guessed = f"/api/timetable/feeds/{'A' * 43}/"
    problem_of(anybody.get(guessed), 404, "NOT_FOUND")
    problem_of(anybody.get("/api/timetable/feeds/short/"), 400, "VALIDATION_ERROR")
