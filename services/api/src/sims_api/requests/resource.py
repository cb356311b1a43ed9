"""Requests: what they look like and who reaches which."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints
from sqlalchemy import ColumnElement

from sims_api.auth.actor import Actor
from sims_api.fields import Description, Flag, Input, Line, Name, Output, RowId
from sims_api.resource import Resource
from sims_core.domain.requests import Priority, RequestStatus, RequestType
from sims_core.models import Student, StudentRequest

VIEW = "requests.requests.view"
VIEW_OWN = "requests.requests.view_own"
CREATE = "requests.requests.create"
CREATE_OWN = "requests.requests.create_own"
PROCESS = "requests.requests.process"

Remark = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class RequestIn(Input):
    student: RowId | None = Field(None, description="left out: the signed-in student")
    type: RequestType
    title: Name
    description: Description = ""
    priority: Priority = Priority.MEDIUM


class AssignIn(Input):
    user: RowId = Field(description="who works on it: somebody who may process requests")
    notes: Line | None = None


class DecideIn(Input):
    notes: Line = Field(description="the student reads it")


class RemarkIn(Input):
    remark: Remark
    is_internal: Flag = False


class RequestOut(Output):
    id: int
    student: int
    reg_no: str
    student_name: str
    type: RequestType
    title: str
    description: str
    priority: Priority
    status: RequestStatus
    created_by: int
    assigned_to: int | None
    processed_by: int | None
    created_at: datetime
    updated_at: datetime
    version: int


class EventOut(Output):
    from_status: RequestStatus | None
    to_status: RequestStatus
    assigned_to: int | None
    notes: str
    by: int
    at: datetime


class RemarkOut(Output):
    id: int
    remark: str
    is_internal: bool
    by: int
    at: datetime


def requests_of(actor: Actor) -> ColumnElement[bool] | None:
    """All with ``VIEW``, else those about the actor."""
    return None if actor.can(VIEW) else StudentRequest.student_id == actor.student_id


REQUESTS = Resource(
    name="request",
    path="requests",
    tag="requests",
    model=StudentRequest,
    out=RequestOut,
    permission="requests.requests",
    own_view=VIEW_OWN,
    scope=requests_of,
    orderings={"id": StudentRequest.id, "created_at": StudentRequest.created_at},
    default_ordering="-id",
    filters={
        "student": StudentRequest.student_id,
        "type": StudentRequest.type,
        "status": StudentRequest.status,
        "priority": StudentRequest.priority,
        "assigned_to": StudentRequest.assigned_to_id,
    },
    choices={
        "type": tuple(RequestType),
        "status": tuple(RequestStatus),
        "priority": tuple(Priority),
    },
    related={"reg_no": Student.reg_no, "student_name": Student.name},
    joins=lambda statement: statement.join(Student, StudentRequest.student_id == Student.id),
)
