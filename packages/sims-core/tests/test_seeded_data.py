"""What the migrations put into a new database."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from sims_core.domain.permissions import PERMISSIONS, ROLES
from sims_core.models import GradingBand, GradingScheme, Permission, Role, RolePermission


def test_permissions_and_roles_are_those_of_the_domain(session: Session) -> None:
    stored = {p.code: p.description for p in session.scalars(select(Permission))}
    assert stored == {code: description for code, (description, _) in PERMISSIONS.items()}
    roles = {role.name: role for role in session.scalars(select(Role))}
    assert {name: role.description for name, role in roles.items()} == ROLES
    assert all(role.is_system for role in roles.values())


def test_each_role_has_what_the_domain_gives_it(session: Session) -> None:
    rows = session.execute(
        select(Role.name, RolePermission.permission_code).join(
            RolePermission, RolePermission.role_id == Role.id
        )
    )
    granted = {(row.permission_code, row.name) for row in rows}
    assert granted == {(code, role) for code, (_, roles) in PERMISSIONS.items() for role in roles}


def test_the_default_scale_covers_every_percent(session: Session) -> None:
    (scheme,) = session.scalars(select(GradingScheme))
    assert scheme.is_default
    bands = list(session.scalars(select(GradingBand).order_by(GradingBand.min_percent.desc())))
    assert [(int(b.min_percent), b.letter) for b in bands] == [
        (90, "A+"),
        (85, "A"),
        (80, "B+"),
        (75, "B"),
        (70, "C+"),
        (65, "C"),
        (60, "D"),
        (0, "F"),
    ]
    points = [b.points for b in bands]
    assert points == sorted(points, reverse=True)
