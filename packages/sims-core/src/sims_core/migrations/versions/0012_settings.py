"""The institution's settings, one row."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from sims_core.migrations import steps

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

PERMISSIONS = [
    ("settings.settings.view", "See all settings", "Admin Registrar Coordinator"),
    ("settings.settings.update", "Change settings", "Admin"),
]


def _stamp(name: str) -> sa.Column[datetime]:
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )


def upgrade() -> None:
    op.create_table(
        "institution_setting",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("institution_name", sa.String(255), server_default="", nullable=False),
        sa.Column("primary_colour", sa.String(7), server_default="#1f4e79", nullable=False),
        sa.Column("accent_colour", sa.String(7), server_default="#c55a11", nullable=False),
        sa.Column("banner", sa.String(500), server_default="", nullable=False),
        sa.Column("attendance_lock_days", sa.Integer(), server_default="7", nullable=False),
        sa.Column("student_portal_results", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("student_portal_attendance", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        _stamp("created_at"),
        _stamp("updated_at"),
        sa.CheckConstraint("id = 1", name=op.f("ck_institution_setting_one_row")),
        sa.CheckConstraint(
            "primary_colour ~ '^#[0-9a-f]{6}$'", name=op.f("ck_institution_setting_primary_colour")
        ),
        sa.CheckConstraint(
            "accent_colour ~ '^#[0-9a-f]{6}$'", name=op.f("ck_institution_setting_accent_colour")
        ),
        sa.CheckConstraint(
            "attendance_lock_days BETWEEN 0 AND 365",
            name=op.f("ck_institution_setting_attendance_lock_days"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_institution_setting")),
    )
    op.execute("INSERT INTO institution_setting (id) VALUES (1)")
    steps.grant(PERMISSIONS)


def downgrade() -> None:
    steps.revoke(PERMISSIONS)
    op.drop_table("institution_setting")
