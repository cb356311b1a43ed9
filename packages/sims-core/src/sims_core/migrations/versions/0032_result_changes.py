"""Changes of released results, decided by a second person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sims_core.migrations.steps import count_rows_of, stop_counting

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

COUNTED = ("result_change",)


def upgrade() -> None:
    op.create_table(
        "result_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("result_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("requested_by_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("resolved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.String(length=255), server_default="", nullable=False),
        sa.Column("old_total", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("new_total", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("old_outcome", sa.String(length=8), nullable=False),
        sa.Column("new_outcome", sa.String(length=8), nullable=False),
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
            "(status = 'pending') = (resolved_by_id IS NULL)",
            name=op.f("ck_result_change_resolved"),
        ),
        sa.CheckConstraint(
            "status <> 'approved' OR resolved_by_id <> requested_by_id",
            name=op.f("ck_result_change_two_people"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected')", name=op.f("ck_result_change_status")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"],
            ["user_account.id"],
            name=op.f("fk_result_change_requested_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by_id"],
            ["user_account.id"],
            name=op.f("fk_result_change_resolved_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["result_id"], ["result.id"], name=op.f("fk_result_change_result_id_result")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_change")),
    )
    op.create_index(
        op.f("ix_result_change_requested_by_id"), "result_change", ["requested_by_id"], unique=False
    )
    op.create_index("ix_result_change_result_id", "result_change", ["result_id"], unique=False)
    op.create_index(
        "uq_result_change_pending",
        "result_change",
        ["result_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "result_change_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("change_id", sa.BigInteger(), nullable=False),
        sa.Column("exam_component_id", sa.BigInteger(), nullable=False),
        sa.Column("old_marks", sa.Numeric(precision=7, scale=2), nullable=True),
        sa.Column("old_absent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("new_marks", sa.Numeric(precision=7, scale=2), nullable=True),
        sa.Column("new_absent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["change_id"],
            ["result_change.id"],
            name=op.f("fk_result_change_item_change_id_result_change"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["exam_component_id"],
            ["exam_component.id"],
            name=op.f("fk_result_change_item_exam_component_id_exam_component"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_change_item")),
        sa.UniqueConstraint(
            "change_id",
            "exam_component_id",
            name=op.f("uq_result_change_item_change_id_exam_component_id"),
        ),
    )
    op.create_index(
        op.f("ix_result_change_item_exam_component_id"),
        "result_change_item",
        ["exam_component_id"],
        unique=False,
    )
    for name in COUNTED:
        count_rows_of(name)


def downgrade() -> None:
    for name in COUNTED:
        stop_counting(name)
    op.drop_table("result_change_item")
    op.drop_table("result_change")
