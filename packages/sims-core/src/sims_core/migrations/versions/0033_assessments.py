"""Coursework of sections and its scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sims_core.migrations.steps import count_rows_of, stop_counting

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

COUNTED = ("assessment", "assessment_score")


def upgrade() -> None:
    op.create_table(
        "assessment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("section_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=128), nullable=False),
        sa.Column("weight", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column(
            "max_score", sa.Numeric(precision=7, scale=2), server_default="100", nullable=False
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
        sa.CheckConstraint("max_score > 0", name=op.f("ck_assessment_max_score")),
        sa.CheckConstraint("weight BETWEEN 0 AND 100", name=op.f("ck_assessment_weight")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_assessment_section_id_section")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
        sa.UniqueConstraint("section_id", "title", name=op.f("uq_assessment_section_id_title")),
    )
    op.create_table(
        "assessment_score",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("assessment_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Numeric(precision=7, scale=2), nullable=False),
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
        sa.CheckConstraint("score >= 0", name=op.f("ck_assessment_score_score")),
        sa.ForeignKeyConstraint(
            ["assessment_id"],
            ["assessment.id"],
            name=op.f("fk_assessment_score_assessment_id_assessment"),
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_assessment_score_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_score")),
        sa.UniqueConstraint(
            "assessment_id", "student_id", name=op.f("uq_assessment_score_assessment_id_student_id")
        ),
    )
    op.create_index(
        "ix_assessment_score_student_id", "assessment_score", ["student_id"], unique=False
    )
    for name in COUNTED:
        count_rows_of(name)


def downgrade() -> None:
    for name in COUNTED:
        stop_counting(name)
    op.drop_table("assessment_score")
    op.drop_table("assessment")
