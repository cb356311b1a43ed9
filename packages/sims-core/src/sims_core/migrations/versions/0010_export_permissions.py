"""Exports of lists about people need a permission of their own."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None

# code, description, roles that get it
PERMISSIONS = [
    ("students.students.export", "Export the student register", "Admin Registrar"),
    (
        "results.result_headers.export",
        "Export results, drafts too",
        "Admin Registrar ExamCell",
    ),
]


def upgrade() -> None:
    run = op.get_bind().execute
    for code, description, roles in PERMISSIONS:
        run(
            text("INSERT INTO permission (code, description) VALUES (:code, :description)"),
            {"code": code, "description": description},
        )
        run(
            text(
                "INSERT INTO role_permission (role_id, permission_code)"
                " SELECT id, :code FROM role WHERE name = ANY(:roles)"
            ),
            {"code": code, "roles": roles.split()},
        )


def downgrade() -> None:
    codes = [code for code, _, _ in PERMISSIONS]
    op.get_bind().execute(text("DELETE FROM permission WHERE code = ANY(:c)"), {"c": codes})
