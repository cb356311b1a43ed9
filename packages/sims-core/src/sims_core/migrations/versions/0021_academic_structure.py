"""Periods, tracks, blocks, modules, prerequisites; a tree of departments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Trusted since PostgreSQL 13: the database's owner may create it.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.create_table(
        "course_prerequisite",
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("prerequisite_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "course_id <> prerequisite_id", name=op.f("ck_course_prerequisite_itself")
        ),
        sa.ForeignKeyConstraint(
            ["course_id"],
            ["course.id"],
            name=op.f("fk_course_prerequisite_course_id_course"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["prerequisite_id"],
            ["course.id"],
            name=op.f("fk_course_prerequisite_prerequisite_id_course"),
        ),
        sa.PrimaryKeyConstraint(
            "course_id", "prerequisite_id", name=op.f("pk_course_prerequisite")
        ),
    )
    op.create_index(
        op.f("ix_course_prerequisite_prerequisite_id"),
        "course_prerequisite",
        ["prerequisite_id"],
        unique=False,
    )
    op.create_table(
        "period",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("program_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("order", sa.Integer(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
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
        sa.CheckConstraint('"order" > 0', name=op.f("ck_period_order")),
        sa.CheckConstraint("start_date <= end_date", name=op.f("ck_period_dates_in_order")),
        sa.ForeignKeyConstraint(
            ["program_id"], ["program.id"], name=op.f("fk_period_program_id_program")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_period")),
        sa.UniqueConstraint("program_id", "name", name=op.f("uq_period_program_id_name")),
        sa.UniqueConstraint("program_id", "order", name=op.f("uq_period_program_id_order")),
    )
    op.create_table(
        "track",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("program_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["program_id"], ["program.id"], name=op.f("fk_track_program_id_program")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_track")),
        sa.UniqueConstraint("program_id", "name", name=op.f("uq_track_program_id_name")),
    )
    op.create_table(
        "block",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("period_id", sa.BigInteger(), nullable=False),
        sa.Column("track_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("block_type", sa.String(length=16), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.Column("primary_department_id", sa.BigInteger(), nullable=True),
        sa.Column("sub_department_id", sa.BigInteger(), nullable=True),
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
        postgresql.ExcludeConstraint(
            (sa.column("track_id"), "="),
            (sa.text("daterange(start_date, end_date, '[]')"), "&&"),
            using="gist",
            name="ex_block_track_days",
        ),
        sa.CheckConstraint(
            "(block_type = 'ROTATION_BLOCK') = (primary_department_id IS NOT NULL)",
            name=op.f("ck_block_primary_department"),
        ),
        sa.CheckConstraint(
            "block_type IN ('INTEGRATED_BLOCK', 'ROTATION_BLOCK')", name=op.f("ck_block_block_type")
        ),
        sa.CheckConstraint("start_date <= end_date", name=op.f("ck_block_dates_in_order")),
        sa.CheckConstraint(
            "sub_department_id IS NULL OR primary_department_id IS NOT NULL",
            name=op.f("ck_block_sub_department"),
        ),
        sa.ForeignKeyConstraint(
            ["period_id"], ["period.id"], name=op.f("fk_block_period_id_period")
        ),
        sa.ForeignKeyConstraint(
            ["primary_department_id"],
            ["department.id"],
            name=op.f("fk_block_primary_department_id_department"),
        ),
        sa.ForeignKeyConstraint(
            ["sub_department_id"],
            ["department.id"],
            name=op.f("fk_block_sub_department_id_department"),
        ),
        sa.ForeignKeyConstraint(["track_id"], ["track.id"], name=op.f("fk_block_track_id_track")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block")),
        sa.UniqueConstraint(
            "period_id", "track_id", "name", name=op.f("uq_block_period_id_track_id_name")
        ),
    )
    op.create_index(
        op.f("ix_block_primary_department_id"), "block", ["primary_department_id"], unique=False
    )
    op.create_index(
        op.f("ix_block_sub_department_id"), "block", ["sub_department_id"], unique=False
    )
    op.create_table(
        "module",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("block_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("description", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("order", sa.Integer(), nullable=False),
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
        sa.CheckConstraint('"order" > 0', name=op.f("ck_module_order")),
        sa.ForeignKeyConstraint(["block_id"], ["block.id"], name=op.f("fk_module_block_id_block")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_module")),
        sa.UniqueConstraint("block_id", "name", name=op.f("uq_module_block_id_name")),
        sa.UniqueConstraint("block_id", "order", name=op.f("uq_module_block_id_order")),
    )
    op.add_column(
        "academic_period",
        sa.Column("period_type", sa.String(length=8), server_default="TERM", nullable=False),
    )
    op.add_column("academic_period", sa.Column("parent_period_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "academic_period",
        sa.Column(
            "is_enrollment_open", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
    )
    op.create_index(
        op.f("ix_academic_period_parent_period_id"),
        "academic_period",
        ["parent_period_id"],
        unique=False,
    )
    op.create_foreign_key(
        op.f("fk_academic_period_parent_period_id_academic_period"),
        "academic_period",
        "academic_period",
        ["parent_period_id"],
        ["id"],
    )
    op.add_column("department", sa.Column("parent_id", sa.BigInteger(), nullable=True))
    op.drop_constraint(op.f("uq_department_name"), "department", type_="unique")
    op.create_index(op.f("ix_department_parent_id"), "department", ["parent_id"], unique=False)
    op.create_unique_constraint(
        op.f("uq_department_name_parent_id"),
        "department",
        ["name", "parent_id"],
        postgresql_nulls_not_distinct=True,
    )
    op.create_foreign_key(
        op.f("fk_department_parent_id_department"),
        "department",
        "department",
        ["parent_id"],
        ["id"],
    )
    op.add_column(
        "program",
        sa.Column(
            "attendance_threshold",
            sa.Numeric(precision=5, scale=2),
            server_default=sa.text("75"),
            nullable=False,
        ),
    )
    op.create_check_constraint(
        op.f("ck_program_attendance_threshold"),
        "program",
        "attendance_threshold BETWEEN 0 AND 100",
    )
    op.create_check_constraint(
        op.f("ck_academic_period_period_type"),
        "academic_period",
        "period_type IN ('TERM', 'YEAR', 'BLOCK', 'MODULE')",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_academic_period_period_type"), "academic_period", type_="check")
    op.drop_constraint(op.f("ck_program_attendance_threshold"), "program", type_="check")
    op.drop_column("program", "attendance_threshold")
    op.drop_constraint(op.f("fk_department_parent_id_department"), "department", type_="foreignkey")
    op.drop_constraint(op.f("uq_department_name_parent_id"), "department", type_="unique")
    op.drop_index(op.f("ix_department_parent_id"), table_name="department")
    op.create_unique_constraint(
        op.f("uq_department_name"), "department", ["name"], postgresql_nulls_not_distinct=False
    )
    op.drop_column("department", "parent_id")
    op.drop_constraint(
        op.f("fk_academic_period_parent_period_id_academic_period"),
        "academic_period",
        type_="foreignkey",
    )
    op.drop_index(op.f("ix_academic_period_parent_period_id"), table_name="academic_period")
    op.drop_column("academic_period", "is_enrollment_open")
    op.drop_column("academic_period", "parent_period_id")
    op.drop_column("academic_period", "period_type")
    op.drop_table("module")
    op.drop_table("block")
    op.drop_table("track")
    op.drop_table("period")
    op.drop_table("course_prerequisite")
    op.execute("DROP EXTENSION btree_gist")
