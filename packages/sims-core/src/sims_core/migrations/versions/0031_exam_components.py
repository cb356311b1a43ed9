"""Exams in components, passing rules, marks; the typed totals become computed ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sims_core.migrations.steps import count_rows_of, stop_counting

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

EXAM_RULES = {
    "passing_mode": "passing_mode IN ('TOTAL_ONLY', 'COMPONENT_WISE', 'HYBRID')",
    "pass_total_marks": "pass_total_marks >= 0",
    "pass_total_percent": "pass_total_percent BETWEEN 0 AND 100",
}
COUNTED = ("exam", "exam_component", "result_component")

# A result so far had a typed total. It becomes the mark of one component, so that it is
# computed from now on. Of an exam with several maxima only the results of the greatest get
# the mark: no mark is made up, and the others keep their totals as they are.
COMPONENTS = """
INSERT INTO exam_component (exam_id, name, sequence, max_marks)
SELECT exam_id, 'Total', 1, max(total_max) FROM result GROUP BY exam_id
"""
MARKS = """
INSERT INTO result_component
  (result_id, exam_component_id, marks_obtained, component_outcome, created_at, updated_at)
SELECT r.id, c.id, r.total_obtained, CASE WHEN r.total_obtained > 0 THEN 'PASS' ELSE 'FAIL' END,
  r.created_at, r.updated_at
FROM result r JOIN exam_component c ON c.exam_id = r.exam_id AND c.max_marks = r.total_max
"""
# Where no threshold was written down, the default scheme's lowest grade with points passes.
THRESHOLD = """
UPDATE exam SET pass_total_percent = (
  SELECT min(b.min_percent) FROM grading_band b JOIN grading_scheme s ON s.id = b.scheme_id
  WHERE s.is_default AND b.points > 0)
"""


def upgrade() -> None:
    op.add_column(
        "exam", sa.Column("exam_type", sa.String(length=32), server_default="final", nullable=False)
    )
    op.add_column(
        "exam",
        sa.Column(
            "passing_mode", sa.String(length=16), server_default="TOTAL_ONLY", nullable=False
        ),
    )
    op.add_column(
        "exam", sa.Column("pass_total_marks", sa.Numeric(precision=7, scale=2), nullable=True)
    )
    op.add_column(
        "exam", sa.Column("pass_total_percent", sa.Numeric(precision=5, scale=2), nullable=True)
    )
    op.add_column(
        "exam",
        sa.Column(
            "fail_if_any_component_fail",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
    )
    for name, rule in EXAM_RULES.items():
        op.create_check_constraint(op.f(f"ck_exam_{name}"), "exam", rule)
    op.add_column(
        "result",
        sa.Column("is_complete", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.add_column("result", sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("result", sa.Column("verified_by_id", sa.BigInteger(), nullable=True))
    op.add_column("result", sa.Column("withheld_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("result", sa.Column("withheld_by_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "result",
        sa.Column("withheld_reason", sa.String(length=255), server_default="", nullable=False),
    )
    op.add_column("result", sa.Column("revised_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_result_withheld_by_id_user_account"),
        "result",
        "user_account",
        ["withheld_by_id"],
        ["id"],
    )
    op.create_foreign_key(
        op.f("fk_result_verified_by_id_user_account"),
        "result",
        "user_account",
        ["verified_by_id"],
        ["id"],
    )
    op.create_check_constraint(
        op.f("ck_result_withheld_before_release"),
        "result",
        "withheld_at IS NULL OR status IN ('DRAFT', 'VERIFIED')",
    )
    op.create_table(
        "exam_component",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("exam_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("max_marks", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("pass_marks", sa.Numeric(precision=7, scale=2), nullable=True),
        sa.Column("pass_percent", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column(
            "is_mandatory_to_pass", sa.Boolean(), server_default=sa.text("true"), nullable=False
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
        sa.CheckConstraint("max_marks > 0", name=op.f("ck_exam_component_max_marks")),
        sa.CheckConstraint(
            "pass_marks BETWEEN 0 AND max_marks", name=op.f("ck_exam_component_pass_marks")
        ),
        sa.CheckConstraint(
            "pass_percent BETWEEN 0 AND 100", name=op.f("ck_exam_component_pass_percent")
        ),
        sa.ForeignKeyConstraint(
            ["exam_id"],
            ["exam.id"],
            name=op.f("fk_exam_component_exam_id_exam"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exam_component")),
        sa.UniqueConstraint("exam_id", "name", name=op.f("uq_exam_component_exam_id_name")),
        sa.UniqueConstraint("exam_id", "sequence", name=op.f("uq_exam_component_exam_id_sequence")),
    )
    op.create_table(
        "result_component",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("result_id", sa.BigInteger(), nullable=False),
        sa.Column("exam_component_id", sa.BigInteger(), nullable=False),
        sa.Column("marks_obtained", sa.Numeric(precision=7, scale=2), nullable=True),
        sa.Column("is_absent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("component_outcome", sa.String(length=8), nullable=False),
        sa.Column("entered_by_id", sa.BigInteger(), nullable=True),
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
            "is_absent = (marks_obtained IS NULL)", name=op.f("ck_result_component_absent")
        ),
        sa.CheckConstraint("marks_obtained >= 0", name=op.f("ck_result_component_marks_obtained")),
        sa.ForeignKeyConstraint(
            ["entered_by_id"],
            ["user_account.id"],
            name=op.f("fk_result_component_entered_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["exam_component_id"],
            ["exam_component.id"],
            name=op.f("fk_result_component_exam_component_id_exam_component"),
        ),
        sa.ForeignKeyConstraint(
            ["result_id"],
            ["result.id"],
            name=op.f("fk_result_component_result_id_result"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_component")),
        sa.UniqueConstraint(
            "result_id",
            "exam_component_id",
            name=op.f("uq_result_component_result_id_exam_component_id"),
        ),
    )
    op.create_index(
        "ix_result_component_exam_component_id",
        "result_component",
        ["exam_component_id"],
        unique=False,
    )
    for statement in (COMPONENTS, MARKS, THRESHOLD):
        op.execute(statement)
    for name in COUNTED:
        count_rows_of(name)


def downgrade() -> None:
    for name in COUNTED:
        stop_counting(name)
    op.drop_table("result_component")
    op.drop_table("exam_component")
    op.drop_constraint(op.f("ck_result_withheld_before_release"), "result")
    op.drop_column("result", "revised_at")
    op.drop_column("result", "withheld_reason")
    op.drop_column("result", "withheld_by_id")
    op.drop_column("result", "withheld_at")
    op.drop_column("result", "verified_by_id")
    op.drop_column("result", "verified_at")
    op.drop_column("result", "is_complete")
    for name in EXAM_RULES:
        op.drop_constraint(op.f(f"ck_exam_{name}"), "exam")
    op.drop_column("exam", "fail_if_any_component_fail")
    op.drop_column("exam", "pass_total_percent")
    op.drop_column("exam", "pass_total_marks")
    op.drop_column("exam", "passing_mode")
    op.drop_column("exam", "exam_type")
