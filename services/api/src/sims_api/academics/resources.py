"""The plain entities of the academic structure, one declaration each."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from sims_api.academics import programs, terms
from sims_api.academics import schemas as s
from sims_api.academics.curriculum import CURRICULUM
from sims_api.academics.sections import SECTIONS
from sims_api.members import Members
from sims_api.resource import Resource
from sims_core.models import (
    AcademicPeriod,
    Batch,
    Course,
    CoursePrerequisite,
    Department,
    Group,
    Program,
)

PROGRAMS = Resource(
    name="program",
    path="academics/programs",
    tag="academics",
    model=Program,
    out=s.ProgramOut,
    create=s.ProgramIn,
    deletable=True,
    permission="academics.programs",
    orderings={"id": Program.id, "name": Program.name},
    default_ordering="name",
    filters={
        "is_active": Program.is_active,
        "structure_type": Program.structure_type,
        "is_finalized": Program.is_finalized,
    },
    choices={"structure_type": ("YEARLY", "SEMESTER", "CUSTOM")},
    prepare=programs.keep_final,
    extend=programs.add_routes,
)

BATCHES = Resource(
    name="batch",
    path="academics/batches",
    tag="academics",
    model=Batch,
    out=s.BatchOut,
    create=s.BatchIn,
    deletable=True,
    permission="academics.batches",
    orderings={"id": Batch.id, "name": Batch.name, "start_year": Batch.start_year},
    default_ordering="-start_year",
    filters={"program": Batch.program_id, "start_year": Batch.start_year},
    related={"program_name": Program.name},
    joins=lambda statement: statement.join(Program, Batch.program_id == Program.id),
)

GROUPS = Resource(
    name="group",
    path="academics/groups",
    tag="academics",
    model=Group,
    out=s.GroupOut,
    create=s.GroupIn,
    deletable=True,
    permission="academics.groups",
    orderings={"id": Group.id, "name": Group.name},
    default_ordering="name",
    filters={"batch": Group.batch_id},
    related={"batch_name": Batch.name},
    joins=lambda statement: statement.join(Batch, Group.batch_id == Batch.id),
)

_child = aliased(Department)

DEPARTMENTS = Resource(
    name="department",
    path="academics/departments",
    tag="academics",
    model=Department,
    out=s.DepartmentOut,
    create=s.DepartmentIn,
    deletable=True,
    permission="academics.departments",
    orderings={"id": Department.id, "name": Department.name, "code": Department.code},
    default_ordering="name",
    filters={"parent": Department.parent_id},
    related={
        "children_count": select(func.count())
        .where(_child.parent_id == Department.id)
        .correlate(Department)
        .scalar_subquery()
    },
)

ACADEMIC_PERIODS = Resource(
    name="academic period",
    path="academics/academic-periods",
    tag="academics",
    model=AcademicPeriod,
    out=s.AcademicPeriodOut,
    create=s.AcademicPeriodIn,
    deletable=True,
    permission="academics.terms",
    orderings={
        "id": AcademicPeriod.id,
        "name": AcademicPeriod.name,
        "start_date": AcademicPeriod.start_date,
    },
    default_ordering="-start_date",
    filters={
        "status": AcademicPeriod.status,
        "period_type": AcademicPeriod.period_type,
        "parent_period": AcademicPeriod.parent_period_id,
        "is_enrollment_open": AcademicPeriod.is_enrollment_open,
    },
    choices={"status": ("OPEN", "CLOSED"), "period_type": ("TERM", "YEAR", "BLOCK", "MODULE")},
    prepare=terms.keep_closed,
    extend=terms.add_routes,
)

COURSES = Resource(
    name="course",
    path="academics/courses",
    tag="academics",
    model=Course,
    out=s.CourseOut,
    create=s.CourseIn,
    deletable=True,
    permission="academics.courses",
    orderings={"id": Course.id, "code": Course.code, "name": Course.name},
    default_ordering="code",
    filters={"department": Course.department_id, "credits": Course.credits},
    members={"prerequisites": Members(CoursePrerequisite, "course_id", "prerequisite_id")},
    related={"department_name": Department.name},
    joins=lambda statement: statement.join(Department, Course.department_id == Department.id),
)

RESOURCES = (
    PROGRAMS,
    BATCHES,
    GROUPS,
    DEPARTMENTS,
    ACADEMIC_PERIODS,
    COURSES,
    *CURRICULUM,
    SECTIONS,
)
