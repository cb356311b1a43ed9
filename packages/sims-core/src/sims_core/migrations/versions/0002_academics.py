"""Grading schemes, programs and what they are made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "grading_scheme",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grading_scheme")),
        sa.UniqueConstraint("name", name=op.f("uq_grading_scheme_name")),
    )
    op.create_index(
        "uq_grading_scheme_default",
        "grading_scheme",
        ["is_default"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "grading_band",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("min_percent", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column("letter", sa.String(length=8), nullable=False),
        sa.Column("points", sa.Numeric(precision=4, scale=2), nullable=False),
        sa.CheckConstraint(
            "min_percent BETWEEN 0 AND 100", name=op.f("ck_grading_band_min_percent")
        ),
        sa.CheckConstraint("points >= 0", name=op.f("ck_grading_band_points")),
        sa.ForeignKeyConstraint(
            ["scheme_id"],
            ["grading_scheme.id"],
            name=op.f("fk_grading_band_scheme_id_grading_scheme"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("scheme_id", "min_percent", name=op.f("pk_grading_band")),
    )
    op.create_table(
        "department",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("description", sa.String(length=2000), server_default="", nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_department")),
        sa.UniqueConstraint("code", name=op.f("uq_department_code")),
        sa.UniqueConstraint("name", name=op.f("uq_department_name")),
    )
    op.create_table(
        "academic_period",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=8), server_default="OPEN", nullable=False),
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
        sa.CheckConstraint("status IN ('OPEN', 'CLOSED')", name=op.f("ck_academic_period_status")),
        sa.CheckConstraint(
            "start_date <= end_date", name=op.f("ck_academic_period_dates_in_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_academic_period")),
        sa.UniqueConstraint("name", name=op.f("uq_academic_period_name")),
    )
    op.create_table(
        "course",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("department_id", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.Integer(), server_default=sa.text("3"), nullable=False),
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
        sa.CheckConstraint("credits BETWEEN 0 AND 60", name=op.f("ck_course_credits")),
        sa.ForeignKeyConstraint(
            ["department_id"], ["department.id"], name=op.f("fk_course_department_id_department")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course")),
        sa.UniqueConstraint("code", name=op.f("uq_course_code")),
    )
    op.create_index(op.f("ix_course_department_id"), "course", ["department_id"], unique=False)
    op.create_table(
        "program",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("description", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "structure_type", sa.String(length=16), server_default="SEMESTER", nullable=False
        ),
        sa.Column("is_finalized", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("period_length_months", sa.Integer(), nullable=True),
        sa.Column("total_periods", sa.Integer(), nullable=True),
        sa.Column("grading_scheme_id", sa.BigInteger(), nullable=True),
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
            "(structure_type = 'CUSTOM') = (period_length_months IS NOT NULL) AND (structure_type = 'CUSTOM') = (total_periods IS NOT NULL)",
            name=op.f("ck_program_custom_structure"),
        ),
        sa.CheckConstraint(
            "structure_type IN ('YEARLY', 'SEMESTER', 'CUSTOM')",
            name=op.f("ck_program_structure_type"),
        ),
        sa.CheckConstraint(
            "period_length_months > 0 AND total_periods > 0",
            name=op.f("ck_program_positive_structure"),
        ),
        sa.ForeignKeyConstraint(
            ["grading_scheme_id"],
            ["grading_scheme.id"],
            name=op.f("fk_program_grading_scheme_id_grading_scheme"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program")),
        sa.UniqueConstraint("name", name=op.f("uq_program_name")),
    )
    op.create_index(
        op.f("ix_program_grading_scheme_id"), "program", ["grading_scheme_id"], unique=False
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("program_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("start_year", sa.Integer(), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["program_id"], ["program.id"], name=op.f("fk_batch_program_id_program")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("id", "program_id", name=op.f("uq_batch_id_program_id")),
        sa.UniqueConstraint("program_id", "name", name=op.f("uq_batch_program_id_name")),
    )
    op.create_table(
        "student_group",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_student_group_batch_id_batch")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_group")),
        sa.UniqueConstraint("batch_id", "name", name=op.f("uq_student_group_batch_id_name")),
        sa.UniqueConstraint("id", "batch_id", name=op.f("uq_student_group_id_batch_id")),
    )


def downgrade() -> None:
    op.drop_table("student_group")
    op.drop_table("batch")
    op.drop_table("program")
    op.drop_table("course")
    op.drop_table("academic_period")
    op.drop_table("department")
    op.drop_table("grading_band")
    op.drop_table("grading_scheme")
