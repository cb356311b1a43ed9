"""Settings: who sees and changes them, and that they are enforced."""

from __future__ import annotations

from typing import Any

import pytest
from services.api.tests.conftest import Api, problem_of

URL = "/api/settings/"
DEFAULTS = {
    "institution_name": "Test College",
    "time_zone": "UTC",
    "primary_colour": "#1f4e79",
    "accent_colour": "#c55a11",
    "banner": "",
    "attendance_lock_days": 7,
    "student_portal_results": True,
    "student_portal_attendance": True,
    "version": 1,
}


def test_settings_start_with_their_defaults_and_change_under_if_match(api: Api) -> None:
    admin = api.as_("Admin")
    read = admin.get(URL)
    assert (read.json(), read.headers["etag"]) == (DEFAULTS, '"1"')
    problem_of(admin.patch(URL, json={"banner": "x"}), 428, "IF_MATCH_REQUIRED")
    sent = {"banner": "Exams from Monday", "institution_name": "Other", "primary_colour": "#ABCDEF"}
    changed = admin.patch(URL, json=sent, headers={"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert changed.json() == DEFAULTS | sent | {"primary_colour": "#abcdef", "version": 2}
    problem_of(
        admin.patch(URL, json={"banner": ""}, headers={"If-Match": '"1"'}), 412, "VERSION_MISMATCH"
    )
    assert admin.get(URL, headers={"If-None-Match": '"2"'}).status_code == 304
    assert api.client().get(f"{URL}public/").json() == {
        "institution_name": "Other",
        "time_zone": "UTC",
        "primary_colour": "#abcdef",
        "accent_colour": "#c55a11",
        "banner": "Exams from Monday",
    }


@pytest.mark.parametrize(
    "sent",
    [
        {"attendance_lock_days": -1},
        {"attendance_lock_days": 366},
        {"attendance_lock_days": "7"},
        {"student_portal_results": 1},
        {"student_portal_results": None},
        {"primary_colour": "red"},
        {"primary_colour": "#12345"},
        {"banner": "x" * 501},
        {"banner": "two\nlines"},
        {"time_zone": "Asia/Karachi"},
        {"version": 7},
        {"id": 2},
    ],
)
def test_a_value_out_of_bounds_or_an_unknown_setting_is_refused(
    shared_api: Api, sent: dict[str, Any]
) -> None:
    answer = shared_api.as_("Admin").patch(URL, json=sent, headers={"If-Match": "*"})
    problem = problem_of(answer, 400, "VALIDATION_ERROR")
    assert [e["pointer"] for e in problem["errors"]] == [f"/{name}" for name in sent]


def test_only_those_who_may_change_settings(shared_api: Api) -> None:
    body: dict[str, Any] = {"json": {"banner": "x"}, "headers": {"If-Match": "*"}}
    problem_of(shared_api.as_("Registrar").patch(URL, **body), 403, "PERMISSION_DENIED")
    problem_of(shared_api.as_("Student").get(URL), 403, "PERMISSION_DENIED")


def test_results_that_are_switched_off_are_hidden_from_students_alone(api: Api) -> None:
    user = api.make.user("Student")
    student = api.make.student(user_id=user.id)
    result = api.make.result(student)
    client, admin = api.sign_in(user), api.as_("Admin")
    assert client.get("/api/results/").json()["count"] == 1
    switch = {"student_portal_results": False}
    assert admin.patch(URL, json=switch, headers={"If-Match": "*"}).status_code == 200
    assert client.get("/api/results/").json()["count"] == 0
    problem_of(client.get(f"/api/results/{result.id}/"), 404, "NOT_FOUND")
    assert admin.get("/api/results/").json()["count"] == 1
