"""Holds on students."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sims_core.migrations.steps import count_rows_of, grant, revoke, stop_counting

revision = "0030"
down_revision = "0025"
branch_labels = None
depends_on = None

PERMISSIONS = [
    (
        "finance.holds.view",
        "See every hold",
        "Admin Registrar Coordinator ExamCell Finance OfficeAssistant",
    ),
    ("finance.holds.view_own", "See the own holds", "Student"),
    ("finance.holds.create", "Place holds", "Admin Registrar Finance"),
    ("finance.holds.release", "Release holds", "Admin Registrar Finance"),
]


def upgrade() -> None:
    op.create_table(
        "hold",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("blocks_results", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "blocks_transcripts", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
        sa.Column(
            "blocks_enrollment", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("placed_by_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "placed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("released_by_id", sa.BigInteger(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_reason", sa.String(length=255), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind IN ('finance', 'library', 'other')", name=op.f("ck_hold_kind")),
        sa.CheckConstraint(
            "blocks_results OR blocks_transcripts OR blocks_enrollment", name=op.f("ck_hold_blocks")
        ),
        sa.CheckConstraint(
            "(released_at IS NULL) = (released_by_id IS NULL)", name=op.f("ck_hold_released")
        ),
        sa.ForeignKeyConstraint(
            ["placed_by_id"], ["user_account.id"], name=op.f("fk_hold_placed_by_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["released_by_id"],
            ["user_account.id"],
            name=op.f("fk_hold_released_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_hold_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    op.create_index("ix_hold_student_id", "hold", ["student_id"])
    op.create_index(
        "ix_hold_open", "hold", ["student_id"], postgresql_where=sa.text("released_at IS NULL")
    )
    count_rows_of("hold")
    grant(PERMISSIONS)


def downgrade() -> None:
    revoke(PERMISSIONS)
    stop_counting("hold")
    op.drop_table("hold")
