"""Rows of the exam modules, and what of them a student reaches, for the tests of all routes."""

from __future__ import annotations

from typing import Any

from services.api.tests.factories import Make
from sqlalchemy import select

from sims_core.models import (
    Assessment,
    AssessmentScore,
    GradingBand,
    GradingScheme,
    Hold,
    RequestEvent,
    ResultChange,
    ResultComponent,
    Student,
    StudentRequest,
    User,
)

UNREACHABLE = (
    "/api/exams/{id}/",
    "/api/exams/{id}/grid/",
    "/api/exam-components/{id}/",
    "/api/results/change-requests/{id}/",
    "/api/results/change-requests/{id}/marks/",
    "/api/exams/marks/import/{id}/detail/",
    "/api/exams/marks/import/{id}/errors.csv/",
)
"""Addresses that answer no student, whatever the id."""

VALID: dict[str, dict[str, Any]] = {
    "/api/exams/{id}/": {"title": "New title"},
    "/api/exams/{id}/grid/{student_id}/": {"marks": [{"component": 1, "marks_obtained": 1}]},
}
"""A body for each PATCH."""


def exam_rows(make: Make, student: Student, staff: User, n: int) -> dict[str, int]:
    """One row of each entity about ``student``; their ids by list."""
    session = make.session
    result = make.result(student, "PUBLISHED")
    component = make.component(make.exam(), name=f"Part {n % 2}")
    mark = ResultComponent(
        result_id=result.id,
        exam_component_id=component.id,
        marks_obtained=n,
        component_outcome="PASS",
        entered_by_id=staff.id,
    )
    change = ResultChange(
        result_id=result.id,
        reason="Script",
        requested_by_id=staff.id,
        old_total=n,
        new_total=n + 1,
        old_outcome="PASS",
        new_outcome="PASS",
    )
    scheme = GradingScheme(name=f"Scheme {make.number()}")
    hold = Hold(
        student_id=student.id,
        kind=("finance", "library")[n % 2],
        reason="Dues",
        blocks_results=False,
        blocks_transcripts=False,
        blocks_enrollment=True,
        placed_by_id=staff.id,
    )
    section = make.section(staff)
    make.enrollment(section, student)
    assessment = Assessment(section_id=section.id, type="quiz", title=f"Quiz {n % 2}", weight=10)
    request = StudentRequest(student_id=student.id, type="noc", title="NOC", created_by_id=staff.id)
    session.add_all([mark, change, scheme, hold, assessment, request])
    session.flush()
    score = AssessmentScore(assessment_id=assessment.id, student_id=student.id, score=n)
    session.add_all(
        [
            GradingBand(scheme_id=scheme.id, min_percent=0, letter="F", points=0),
            RequestEvent(request_id=request.id, to_status="pending", by_id=staff.id),
            score,
        ]
    )
    session.commit()
    return {
        "/api/results/": result.id,
        "/api/result-components/": mark.id,
        "/api/finance/holds/": hold.id,
        "/api/academics/sections/": section.id,
        "/api/assessments/": assessment.id,
        "/api/assessment-scores/": score.id,
        "/api/requests/": request.id,
    }


def exam_scope(make: Make, own: Student, ids: dict[str, int]) -> dict[str, set[Any]]:
    """For each address with an id or rows: what the student ``own`` reaches of ``ids``."""
    found: dict[str, set[Any]] = {path: set() for path in UNREACHABLE}
    found["/api/results/students/{student_id}/"] = {own.id}
    for path, id_ in ids.items():
        if path not in ("/api/results/", "/api/academics/sections/"):
            found |= {path: {id_}, f"{path}{{id}}/": {id_}}
    for part in ("history", "remarks"):
        found[f"/api/requests/{{id}}/{part}/"] = {ids["/api/requests/"]}
    schemes = set(make.session.scalars(select(GradingScheme.id)))
    make.session.rollback()
    return found | {"/api/grading-schemes/": schemes, "/api/grading-schemes/{id}/": schemes}
