"""Students: list, detail, create, update."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sims_api.auth.actor import Actor
from sims_api.database import Db
from sims_api.fields import Code, Day, Email, Input, Line, Output, Phone, RowId, Year
from sims_api.policy import allow
from sims_api.resource import Resource, find, router_of
from sims_api.students import changes
from sims_api.students.changes import refuse_status
from sims_api.students.scope import VIEW_OWN, students_of
from sims_common.errors import FieldError, ValidationFailed
from sims_core.domain.students import STATUSES, StudentStatus
from sims_core.models import Batch, Group, Program, Student

BirthDate = Annotated[Day, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]


class StudentIn(Input):
    """``batch`` is of the ``program`` and ``group`` of that batch."""

    reg_no: Code
    name: Line
    program: RowId
    batch: RowId | None = None
    group: RowId | None = None
    status: StudentStatus = StudentStatus.ACTIVE
    user: RowId | None = Field(None, description="the login that belongs to this student")
    expected_graduation_year: Year | None = None
    actual_graduation_year: Year | None = None
    email: Email | None = None
    phone: Phone | None = None
    date_of_birth: BirthDate | None = None


class StudentOut(Output):
    id: int
    reg_no: str
    name: str
    user: int | None
    program: int
    program_name: str
    batch: int | None
    batch_name: str | None
    group: int | None
    group_name: str | None
    status: StudentStatus
    enrollment_year: int = Field(description="of the batch; without one, of the registration")
    expected_graduation_year: int | None
    actual_graduation_year: int | None
    email: str | None
    phone: str | None
    date_of_birth: date | None
    version: int


def _joins(statement: Select[Any]) -> Select[Any]:
    return (
        statement.join(Program, Student.program_id == Program.id)
        .outerjoin(Batch, Student.batch_id == Batch.id)
        .outerjoin(Group, Student.group_id == Group.id)
    )


async def place(
    session: AsyncSession, values: dict[str, Any], row: Student | None, today: date | None
) -> None:
    """Checks that batch and group fit and derives ``enrollment_year`` from the batch.

    A new student without a batch enrols in the year of ``today``.

    Raises ``ValidationFailed`` that names the field which does not fit, ``Conflict`` for a
    status that changes without a reason.
    """

    refuse_status(values, row)

    def value(name: str) -> Any:
        return values[name] if name in values else getattr(row, name, None)

    batch_id, group_id = value("batch_id"), value("group_id")
    if batch_id is None:
        if group_id is not None:
            raise _misplaced("group", "A group needs the batch that it is of.")
        if row is None and today is not None:
            values["enrollment_year"] = today.year
        return
    found = (
        await session.execute(
            select(Batch.start_year, Group.id)
            .outerjoin(Group, and_(Group.batch_id == Batch.id, Group.id == group_id))
            .where(Batch.id == batch_id, Batch.program_id == value("program_id"))
        )
    ).one_or_none()
    if found is None:
        raise _misplaced("batch", "There is no such batch of this program.")
    if group_id is not None and found[1] is None:
        raise _misplaced("group", "There is no such group of this batch.")
    values["enrollment_year"] = found[0]


def _misplaced(field: str, text: str) -> ValidationFailed:
    return ValidationFailed(text, errors=[FieldError(f"/{field}", "DOES_NOT_EXIST", text)])


async def _shown(response: Response, session: AsyncSession, id_: int, actor: Actor) -> Any:
    found = await find(session, STUDENTS, id_, actor)
    response.headers["ETag"] = STUDENTS.etag(found)
    return found


def _add_routes(router: APIRouter) -> None:
    changes.add_routes(router, StudentOut, _shown, place)

    @router.get("/me/", response_model=StudentOut)
    async def me(session: Db, actor: Annotated[Actor, allow(VIEW_OWN)]) -> Any:
        """The student that the signed-in user is."""
        return await find(session, STUDENTS, actor.student_id or 0, actor)


STUDENTS = Resource(
    name="student",
    path="students",
    tag="students",
    model=Student,
    out=StudentOut,
    create=StudentIn,
    permission="students.students",
    own_view=VIEW_OWN,
    export_permission="students.students.export",
    personal=True,
    scope=students_of,
    orderings={
        "id": Student.id,
        "reg_no": Student.reg_no,
        "name": Student.name,
        "created_at": Student.created_at,
        "enrollment_year": Student.enrollment_year,
    },
    default_ordering="reg_no",
    filters={
        "program": Student.program_id,
        "batch": Student.batch_id,
        "group": Student.group_id,
        "status": Student.status,
        "reg_no": Student.reg_no,
    },
    choices={"status": STATUSES},
    search=Student.search_text,
    related={
        "program_name": Program.name,
        "batch_name": Batch.name,
        "group_name": Group.name,
    },
    joins=_joins,
    prepare=place,
    extend=_add_routes,
)

router = router_of(STUDENTS)
