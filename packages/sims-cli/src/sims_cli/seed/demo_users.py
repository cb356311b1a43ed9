"""One login per role, with passwords generated for this installation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from sims_cli import demo_passwords
from sims_core import passwords
from sims_core.domain import permissions
from sims_core.models import Role, Student, User

STAFF = {
    "admin": (permissions.ADMIN, "Ayesha Malik"),
    "registrar": (permissions.REGISTRAR, "Bilal Siddiqui"),
    "examcell": (permissions.EXAM_CELL, "Farah Qureshi"),
    "faculty": (permissions.FACULTY, "Hamza Sheikh"),
    "finance": (permissions.FINANCE, "Nadia Hussain"),
    "coordinator": (permissions.COORDINATOR, "Usman Raza"),
}
STUDENT = "student"
DOMAIN = "college.example"


@dataclass(frozen=True)
class DemoUser:
    """``password`` is None when the user was there before and keeps the one it had."""

    username: str
    role: str
    password: str | None


def ensure(session: Session, first_student: Student | None, file: Path | None) -> list[DemoUser]:
    """Makes the users that are missing and links ``student`` to ``first_student``.

    Passwords come from ``file`` and new ones are added to it (mode 0600). The caller
    commits.
    """
    known = demo_passwords.read(file)
    people = [(name, role, full, f"{name}@{DOMAIN}") for name, (role, full) in STAFF.items()]
    if first_student is not None:
        mail = first_student.email or f"{STUDENT}@{DOMAIN}"
        people.append((STUDENT, permissions.STUDENT, first_student.name, mail))
    made = [_ensure_one(session, *person, known) for person in people]
    session.flush()
    if first_student is not None:
        first_student.user_id = session.scalars(
            select(User.id).where(User.username == STUDENT)
        ).one()
    if file is not None:
        demo_passwords.write(file, known)
    return made


def _ensure_one(
    session: Session, username: str, role: str, full_name: str, email: str, known: dict[str, str]
) -> DemoUser:
    user = session.scalars(
        select(User).where(User.username == username).options(selectinload(User.roles))
    ).one_or_none()
    if user is not None:
        user.full_name, user.email = full_name, email
        return DemoUser(username, role, known.get(username))
    password = known.setdefault(username, passwords.generate())
    session.add(
        User(
            username=username,
            email=email,
            full_name=full_name,
            password_hash=passwords.hash_password(password),
            roles=[session.scalars(select(Role).where(Role.name == role)).one()],
        )
    )
    return DemoUser(username, role, password)
