"""The student register, its imports, exams and results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Trusted since PostgreSQL 13: the database's owner may create it.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "student",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reg_no", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("program_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("group_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=16), server_default="active", nullable=False),
        sa.Column("enrollment_year", sa.Integer(), nullable=False),
        sa.Column("expected_graduation_year", sa.Integer(), nullable=True),
        sa.Column("actual_graduation_year", sa.Integer(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column(
            "search_text",
            sa.Text(),
            sa.Computed(
                "lower(reg_no || ' ' || name || ' ' || coalesce(email, '') || ' ' || coalesce(phone, ''))",
                persisted=True,
            ),
            nullable=False,
        ),
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
            "status IN ('active', 'inactive', 'graduated', 'suspended', 'on_leave')",
            name=op.f("ck_student_status"),
        ),
        sa.CheckConstraint(
            "group_id IS NULL OR batch_id IS NOT NULL", name=op.f("ck_student_group_needs_batch")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id", "program_id"],
            ["batch.id", "batch.program_id"],
            name=op.f("fk_student_batch_id_program_id_batch"),
        ),
        sa.ForeignKeyConstraint(
            ["group_id", "batch_id"],
            ["student_group.id", "student_group.batch_id"],
            name=op.f("fk_student_group_id_batch_id_student_group"),
        ),
        sa.ForeignKeyConstraint(
            ["program_id"], ["program.id"], name=op.f("fk_student_program_id_program")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_student_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student")),
        sa.UniqueConstraint("user_id", name=op.f("uq_student_user_id")),
    )
    op.create_index(
        "uq_student_reg_no", "student", ["reg_no"], unique=True, postgresql_include=["id"]
    )
    op.create_index(
        "ix_student_batch_id_group_id", "student", ["batch_id", "group_id"], unique=False
    )
    op.create_index("ix_student_created_at_id", "student", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_student_enrollment_year_id", "student", ["enrollment_year", "id"], unique=False
    )
    op.create_index("ix_student_name_id", "student", ["name", "id"], unique=False)
    op.create_index(
        "ix_student_program_id_status", "student", ["program_id", "status"], unique=False
    )
    op.create_index(
        "ix_student_search_text",
        "student",
        ["search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index(op.f("ix_student_status"), "student", ["status"], unique=False)
    op.create_table(
        "student_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="PREVIEWED", nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("file_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("rows", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total_rows", sa.Integer(), nullable=False),
        sa.Column("valid_rows", sa.Integer(), nullable=False),
        sa.Column("invalid_rows", sa.Integer(), nullable=False),
        sa.Column("created_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "mode IN ('CREATE_ONLY', 'UPSERT')", name=op.f("ck_student_import_mode")
        ),
        sa.CheckConstraint(
            "status IN ('PREVIEWED', 'COMMITTED')", name=op.f("ck_student_import_status")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"],
            ["user_account.id"],
            name=op.f("fk_student_import_created_by_id_user_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_import")),
    )
    op.create_index(
        op.f("ix_student_import_created_by_id"), "student_import", ["created_by_id"], unique=False
    )
    op.create_index(
        op.f("ix_student_import_file_hash"), "student_import", ["file_hash"], unique=False
    )
    op.create_table(
        "exam",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("academic_period_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=128), nullable=False),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=True),
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
            ["academic_period_id"],
            ["academic_period.id"],
            name=op.f("fk_exam_academic_period_id_academic_period"),
        ),
        sa.ForeignKeyConstraint(
            ["course_id"], ["course.id"], name=op.f("fk_exam_course_id_course")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exam")),
        sa.UniqueConstraint(
            "course_id",
            "academic_period_id",
            "title",
            name=op.f("uq_exam_course_id_academic_period_id_title"),
        ),
    )
    op.create_index(
        op.f("ix_exam_academic_period_id"), "exam", ["academic_period_id"], unique=False
    )
    op.create_table(
        "result",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("exam_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("total_obtained", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("total_max", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("final_outcome", sa.String(length=8), server_default="PENDING", nullable=False),
        sa.Column("status", sa.String(length=16), server_default="DRAFT", nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by_id", sa.BigInteger(), nullable=True),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("frozen_by_id", sa.BigInteger(), nullable=True),
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
            "final_outcome IN ('PASS', 'FAIL', 'PENDING')", name=op.f("ck_result_final_outcome")
        ),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'VERIFIED', 'PUBLISHED', 'FROZEN')", name=op.f("ck_result_status")
        ),
        sa.CheckConstraint(
            "total_max > 0 AND total_obtained BETWEEN 0 AND total_max",
            name=op.f("ck_result_totals"),
        ),
        sa.ForeignKeyConstraint(["exam_id"], ["exam.id"], name=op.f("fk_result_exam_id_exam")),
        sa.ForeignKeyConstraint(
            ["frozen_by_id"], ["user_account.id"], name=op.f("fk_result_frozen_by_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["published_by_id"],
            ["user_account.id"],
            name=op.f("fk_result_published_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_result_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result")),
        sa.UniqueConstraint("exam_id", "student_id", name=op.f("uq_result_exam_id_student_id")),
    )
    op.create_index("ix_result_student_id_status", "result", ["student_id", "status"], unique=False)


def downgrade() -> None:
    op.drop_table("result")
    op.drop_table("exam")
    op.drop_table("student_import")
    op.drop_table("student")
