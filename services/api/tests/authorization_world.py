"""Who stands in which relation to whom in the authorisation matrix."""

from __future__ import annotations

from typing import Any

from services.api.tests.factories import Make

from sims_core.models import Student

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
        # Room for everybody who is "in the own section".
        self.section = make.section(self.teacher, capacity=10_000)
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
