"""Exports of lists about people need a permission of their own."""

from __future__ import annotations

from sims_core.migrations import steps

revision = "0010"
down_revision = "0022"
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
    steps.grant(PERMISSIONS)


def downgrade() -> None:
    steps.revoke(PERMISSIONS)
