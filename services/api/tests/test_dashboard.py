"""The dashboard counts what its reader may see, and nothing else."""

from __future__ import annotations

from services.api.tests.conftest import Api

URL = "/api/dashboard/stats/"


def test_each_role_gets_the_counters_of_its_permissions(api: Api) -> None:
    make = api.make
    user, teacher = make.user("Student"), make.user("Faculty")
    own, other = make.student(user_id=user.id), make.student(status="on_leave")
    for status in ("DRAFT", "PUBLISHED"):
        make.result(own, status)
    make.result(other)
    make.enrollment(make.section(teacher), own)
    make.section(make.user("Faculty"))

    admin = api.as_("Admin").get(URL).json()
    assert admin["role"] == "Admin"
    found = admin["counters"]
    assert (found["active_students"], found["students_on_leave"]) == (1, 1)
    assert (found["draft_results"], found["published_results"]) == (1, 2)
    assert found["sections"] == 2

    student = api.sign_in(user).get(URL).json()
    assert student == {
        "role": "Student",
        "counters": {"open_transcript_requests": 0, "my_results": 1, "my_sections": 1},
    }
    faculty = api.sign_in(teacher).get(URL).json()["counters"]
    assert (faculty["my_sections"], faculty["my_students"]) == (1, 1)
    assert not {"draft_results", "active_students"} & faculty.keys()
    assert api.as_().get(URL).json() == {"role": "User", "counters": {}}


def test_it_counts_as_the_lists_do(api: Api) -> None:
    admin = api.as_("Admin")
    api.make.result(api.make.student())
    counters = admin.get(URL).json()["counters"]
    listed = admin.get("/api/results/", params={"status": "PUBLISHED"}).json()
    assert counters["published_results"] == listed["count"] == 1
