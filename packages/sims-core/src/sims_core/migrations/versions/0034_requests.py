"""Requests to the office, their history and remarks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sims_core.migrations.steps import count_rows_of, stop_counting

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

COUNTED = ("student_request",)


def upgrade() -> None:
    op.create_table(
        "student_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=128), nullable=False),
        sa.Column("description", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("priority", sa.String(length=8), server_default="medium", nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=False),
        sa.Column("assigned_to_id", sa.BigInteger(), nullable=True),
        sa.Column("processed_by_id", sa.BigInteger(), nullable=True),
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
        sa.CheckConstraint(
            "priority IN ('low', 'medium', 'high', 'urgent')",
            name=op.f("ck_student_request_priority"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'under_review', 'approved', 'rejected', 'completed')",
            name=op.f("ck_student_request_status"),
        ),
        sa.CheckConstraint(
            "type IN ('transcript', 'bonafide', 'noc', 'other')",
            name=op.f("ck_student_request_type"),
        ),
        sa.ForeignKeyConstraint(
            ["assigned_to_id"],
            ["user_account.id"],
            name=op.f("fk_student_request_assigned_to_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"],
            ["user_account.id"],
            name=op.f("fk_student_request_created_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["processed_by_id"],
            ["user_account.id"],
            name=op.f("fk_student_request_processed_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_student_request_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_request")),
    )
    op.create_index(
        op.f("ix_student_request_assigned_to_id"),
        "student_request",
        ["assigned_to_id"],
        unique=False,
    )
    op.create_index(
        "ix_student_request_status_id", "student_request", ["status", "id"], unique=False
    )
    op.create_index(
        "ix_student_request_student_id", "student_request", ["student_id"], unique=False
    )
    op.create_table(
        "request_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("from_status", sa.String(length=16), nullable=True),
        sa.Column("to_status", sa.String(length=16), nullable=False),
        sa.Column("assigned_to_id", sa.BigInteger(), nullable=True),
        sa.Column("notes", sa.String(length=255), server_default="", nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["assigned_to_id"],
            ["user_account.id"],
            name=op.f("fk_request_event_assigned_to_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["user_account.id"], name=op.f("fk_request_event_by_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["student_request.id"],
            name=op.f("fk_request_event_request_id_student_request"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_event")),
    )
    op.create_index(
        op.f("ix_request_event_request_id"), "request_event", ["request_id"], unique=False
    )
    op.create_table(
        "request_remark",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("remark", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("is_internal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["user_account.id"], name=op.f("fk_request_remark_by_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["student_request.id"],
            name=op.f("fk_request_remark_request_id_student_request"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_remark")),
    )
    op.create_index(
        op.f("ix_request_remark_request_id"), "request_remark", ["request_id"], unique=False
    )
    for name in COUNTED:
        count_rows_of(name)


def downgrade() -> None:
    for name in COUNTED:
        stop_counting(name)
    op.drop_table("request_remark")
    op.drop_table("request_event")
    op.drop_table("student_request")
