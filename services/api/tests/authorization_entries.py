"""The table behind the authorisation matrix: which rows stand in which relation to whom.

A route with an id in its path needs an entry here, or the build fails. An entry makes a row
in a given relation to the student and the teacher of ``World``, and says which relations the
``…_own`` form of a permission reaches, per role. It knows nothing of the scopes' code.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.api.tests.factories import Make

from sims_core.models import (
    AuditEvent,
    Role,
    Section,
    Student,
    TranscriptBatch,
    User,
)

OWN, OWN_SECTION, OTHER_SECTION = "own", "own section", "other section"
OTHER_STUDENT, DELETED, MISSING = "other student", "deleted", "missing"
RELATIONS = (OWN, OWN_SECTION, OTHER_SECTION, OTHER_STUDENT, DELETED, MISSING)
NOBODYS = str(2**52)
SECRET = "Secret-4711"  # in the name of every student but the own: no refusal may tell it


class World:
    """A student and a teacher who share a section, and others."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.student_user = make.user("Student")
        self.teacher = make.user("Faculty")
        self.registrar = make.user("Registrar")
        self.student = make.student(user_id=self.student_user.id, email="own@example.edu")
        self.section = make.section(self.teacher)
        make.enrollment(self.section, self.student)

    def saved(self, row: Any) -> Any:
        self.make.session.add(row)
        self.make.session.commit()
        return row

    def student_in(self, relation: str) -> Student:
        """The student that ``relation`` names; a new one but for the own."""
        if relation == OWN:
            return self.student
        n = self.make.number()
        made = self.make.student(name=f"{SECRET} {n}", email=f"s{n}@example.edu")
        if relation == OWN_SECTION:
            self.make.enrollment(self.section, made)
        if relation == OTHER_SECTION:
            self.make.enrollment(self.make.section(self.make.user("Faculty")), made)
        return made


Row = Callable[[World, str], Any]


@dataclass(frozen=True)
class Entry:
    """``row`` makes what the path's ids name; ``own`` are the relations within reach of who has
    but the own form, per role. ``fresh``: its routes end a row, so each cell gets one."""

    row: Row
    own: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fresh: bool = False
    id_of: Callable[[Any], Mapping[str, Any]] = lambda row: {"id": row.id}
    missing: Mapping[str, str] = field(
        default_factory=lambda: {"id": NOBODYS, "student_id": NOBODYS}
    )
    lasts: bool = False
    """Its rows cannot be deleted, by nobody."""


def _plain(make: Callable[[World], Any]) -> Entry:
    """A row that belongs to nobody."""
    return Entry(lambda world, _relation: make(world))


def _section(world: World, relation: str) -> Section:
    if relation == OWN:
        return world.section
    if relation == OWN_SECTION:
        made = world.make.section(world.teacher)
        world.make.enrollment(made, world.student)
        return made
    return world.make.section(world.make.user("Faculty"))


def _request(world: World, relation: str) -> Any:
    return world.make.transcript_request(world.student_in(relation), by=world.registrar)


def _batch(world: World, _relation: str) -> TranscriptBatch:
    made: TranscriptBatch = world.saved(
        TranscriptBatch(id=uuid.uuid4(), requested_by_id=world.registrar.id)
    )
    return made


def _event(world: World, _relation: str) -> AuditEvent:
    made: AuditEvent = world.saved(AuditEvent(action="read", entity="student"))
    return made


def _login(world: World, _relation: str) -> User:
    """Never one that signs in: the routes deactivate it. Logins have no own form."""
    return world.make.user()


def _sign_in(world: World, relation: str) -> Any:
    return world.make.auth_session(world.make.user())


STUDENTS_OWN = {"Student": frozenset({OWN})}
UUID = str(uuid.UUID(int=1))

ENTRIES: dict[str, Entry] = {
    "/api/students/{id}/": Entry(lambda w, r: w.student_in(r), STUDENTS_OWN),
    "/api/results/{id}/": Entry(lambda w, r: w.make.result(w.student_in(r)), STUDENTS_OWN),
    "/api/transcripts/{student_id}/": Entry(
        lambda w, r: w.student_in(r), STUDENTS_OWN, id_of=lambda row: {"student_id": row.id}
    ),
    "/api/transcripts/requests/{id}/": Entry(_request, STUDENTS_OWN, missing={"id": UUID}),
    "/api/transcripts/batches/{id}/": Entry(_batch, missing={"id": UUID}),
    "/api/academics/sections/{id}/": Entry(
        _section,
        {
            "Student": frozenset({OWN, OWN_SECTION}),
            "Faculty": frozenset({OWN, OWN_SECTION}),
        },
    ),
    "/api/academics/programs/{id}/": _plain(lambda w: w.make.program()),
    "/api/academics/batches/{id}/": _plain(lambda w: w.make.batch(w.make.program())),
    "/api/academics/groups/{id}/": _plain(lambda w: w.make.place().group),
    "/api/academics/departments/{id}/": _plain(lambda w: w.make.department()),
    "/api/academics/academic-periods/{id}/": _plain(lambda w: w.make.period()),
    "/api/academics/courses/{id}/": _plain(lambda w: w.make.course()),
    "/api/academics/periods/{id}/": _plain(lambda w: w.make.program_period()),
    "/api/academics/tracks/{id}/": _plain(lambda w: w.make.track()),
    "/api/academics/blocks/{id}/": _plain(lambda w: w.make.block()),
    "/api/academics/modules/{id}/": _plain(lambda w: w.make.module(block_id=w.make.block().id)),
    "/api/users/{id}/": Entry(_login, fresh=True),
    "/api/users/{id}/sessions/{session_id}/": Entry(
        _sign_in,
        fresh=True,
        id_of=lambda row: {"id": row.user_id, "session_id": row.id},
        missing={"id": NOBODYS, "session_id": UUID},
    ),
    "/api/roles/{id}/": _plain(lambda w: w.saved(Role(name=f"Role {w.make.number()}"))),
    "/api/audit/{id}/": Entry(_event, lasts=True),
}
"""path up to its last id → entry; further parts of a path (``…/deactivate/``) share it"""

ELSEWHERE = {
    "/api/auth/sessions/{id}/": "test_users: only the own sign-ins, for every role",
    "/api/admin/students/import/{id}/": "test_row_scope: a job is its maker's",
    "/api/docs/assets/{name}/": "public files",
}
"""path → the test that covers it and why the relations do not fit"""
