"""The old shapes: each list and detail is an adapter over the canonical table and scope."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, case

from sims_api.academics.enrollment import ENROLLMENTS, enrollments_of
from sims_api.academics.enrollment import VIEW_OWN as ENROLLMENTS_OWN
from sims_api.assessments import resources as a
from sims_api.fields import Input, Line, Output, RowId
from sims_api.requests import resource as r
from sims_api.resource import Resource
from sims_core.domain.enrollment import EnrollmentStatus
from sims_core.domain.requests import Priority, RequestStatus, RequestType
from sims_core.models import Assessment, AssessmentScore, Enrollment, Section, StudentRequest


class EnrollmentIn(Input):
    student: RowId
    section: RowId


class DropIn(Input):
    reason: Line


class EnrollmentOut(Output):
    """``status``: active, waitlisted, dropped or withdrawn."""

    id: int
    student: int
    section: int
    academic_period: int
    status: str
    enrolled_at: datetime | None
    version: int


class AvailabilityOut(Output):
    section_id: int
    capacity: int
    enrolled: int
    available: int
    is_available: bool


class AssessmentOut(Output):
    id: int
    section: int
    type: str
    weight: Decimal
    version: int


class ScoreOut(Output):
    id: int
    assessment: int
    student: int
    score: Decimal
    max_score: Decimal
    version: int


class RequestOut(Output):
    id: int
    student: int
    type: RequestType
    title: str
    description: str
    priority: Priority
    status: RequestStatus
    assigned_to: int | None
    processed_by: int | None
    created_at: datetime
    updated_at: datetime
    version: int


class TypeOut(Output):
    id: str
    name: str


def _section(statement: Select[Any]) -> Select[Any]:
    return statement.join(Section, Enrollment.section_id == Section.id)


LEGACY_ENROLLMENTS = Resource(
    name="legacy enrolment",
    path="legacy/enrollments",
    tag="legacy",
    model=Enrollment,
    out=EnrollmentOut,
    permission=ENROLLMENTS.permission,
    own_view=ENROLLMENTS_OWN,
    scope=enrollments_of,
    orderings={"id": Enrollment.id},
    default_ordering="id",
    filters={"student": Enrollment.student_id, "section": Enrollment.section_id},
    related={
        "academic_period": Section.academic_period_id,
        "status": case(
            (Enrollment.status == EnrollmentStatus.ENROLLED, "active"), else_=Enrollment.status
        ),
    },
    joins=_section,
)

LEGACY_ASSESSMENTS = Resource(
    name="legacy assessment",
    path="legacy/assessments",
    tag="legacy",
    model=Assessment,
    out=AssessmentOut,
    permission=a.ASSESSMENTS.permission,
    own_view=a.VIEW_OWN,
    scope=a.assessments_of,
    orderings={"id": Assessment.id},
    default_ordering="id",
    filters={"section": Assessment.section_id, "type": Assessment.type},
)

LEGACY_SCORES = Resource(
    name="legacy assessment score",
    path="legacy/assessment-scores",
    tag="legacy",
    model=AssessmentScore,
    out=ScoreOut,
    permission=a.SCORES.permission,
    own_view=a.VIEW_OWN,
    scope=a.scores_of,
    orderings={"id": AssessmentScore.id},
    default_ordering="id",
    filters={"assessment": AssessmentScore.assessment_id, "student": AssessmentScore.student_id},
    related={"max_score": Assessment.max_score},
    joins=lambda statement: statement.join(
        Assessment, AssessmentScore.assessment_id == Assessment.id
    ),
)

LEGACY_REQUESTS = Resource(
    name="legacy request",
    path="legacy/requests",
    tag="legacy",
    model=StudentRequest,
    out=RequestOut,
    permission=r.REQUESTS.permission,
    own_view=r.VIEW_OWN,
    scope=r.requests_of,
    orderings={"id": StudentRequest.id, "created_at": StudentRequest.created_at},
    default_ordering="-id",
    filters={
        "student": StudentRequest.student_id,
        "type": StudentRequest.type,
        "status": StudentRequest.status,
    },
    choices={"type": tuple(RequestType), "status": tuple(RequestStatus)},
)
