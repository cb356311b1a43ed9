"""A list and a report cost the same number of statements whatever they show."""

from __future__ import annotations

from services.api.tests.conftest import Api
from services.api.tests.exam_rows import exam_rows
from services.api.tests.record_rows import record_of
from services.api.tests.statements import lists, sent_by


def statements(api: Api, path: str, **query: int) -> int:
    """How many besides the record of who read what, which is at most one."""
    client = api.as_("Admin", is_superuser=True)
    with sent_by(api) as found:
        answer = client.get(path, params=query)
    assert answer.status_code == 200, (path, answer.text)
    records = [sql for sql, _ in found if sql.startswith("INSERT INTO audit_event")]
    assert len(records) <= 1, path
    return len(found) - len(records)


def test_no_list_asks_once_for_each_row(shared_api: Api) -> None:
    make = shared_api.make
    registrar = make.user("Registrar")
    section = make.section(registrar)
    for n in range(6):
        place = make.place()
        student = make.student(place.program, batch_id=place.batch.id, group_id=place.group.id)
        make.result(student)
        make.transcript_request(student, by=registrar)
        make.enrollment(section, student)
        record_of(make, student, make.section(registrar), registrar)
        make.transcript_document(student, by=registrar)
        make.transcript_purpose()
        exam_rows(make, student, registrar, n)
        make.module(block_id=make.block().id)
        make.room()
    paths = lists(shared_api)
    assert len(paths) > 20
    for path in paths:
        one, many = (statements(shared_api, path, page_size=size) for size in (1, 200))
        assert one == many <= 2, path  # the actor, the page with its count
    held = make.class_session(section)
    for path, query in (
        (f"/api/attendance/sessions/{held.id}/roster/", {}),
        ("/api/attendance/section-eligibility/", {"section_id": section.id}),
        ("/api/attendance/section-summary/", {"section_id": section.id}),
    ):
        assert statements(shared_api, path, **query) <= 4, path
