"""Attendance, its corrections and exemptions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sims_core.migrations.steps import (
    accept_closed,
    count_rows_of,
    grant,
    refuse_closed,
    revoke,
    stop_counting,
)

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

COUNTED = ("attendance", "attendance_exemption")

IN_PERIODS = {
    "attendance": "JOIN class_session AS c ON c.id = r.session_id"
    " JOIN section AS s ON s.id = c.section_id",
    "attendance_exemption": "JOIN section AS s ON s.id = r.section_id",
}

PERMISSIONS = [
    ("attendance.attendances.view", "See all attendance", "Admin Registrar Coordinator ExamCell"),
    (
        "attendance.attendances.view_own",
        "See attendance in the own sections, or the own",
        "Faculty Student",
    ),
    (
        "attendance.attendances.mark",
        "Enter attendance of any section today",
        "Admin Registrar Coordinator",
    ),
    ("attendance.attendances.mark_own", "Enter attendance of the own sections today", "Faculty"),
    (
        "attendance.attendances.correct",
        "Correct attendance of any past day, with a reason",
        "Admin Registrar Coordinator",
    ),
    (
        "attendance.attendances.correct_own",
        "Correct attendance of the own sections before it is locked",
        "Faculty",
    ),
    (
        "attendance.attendances.import",
        "Import attendance of one session from CSV",
        "Admin Registrar Coordinator Faculty",
    ),
    (
        "attendance.eligibility.view",
        "See the eligibility of every student",
        "Admin Registrar Coordinator ExamCell",
    ),
    (
        "attendance.eligibility.view_own",
        "See eligibility in the own sections, or the own",
        "Faculty Student",
    ),
    (
        "attendance.exemptions.view",
        "See exemptions from the attendance threshold",
        "Admin Registrar Coordinator ExamCell",
    ),
    ("attendance.exemptions.create", "Exempt from the attendance threshold", "Admin Registrar"),
    ("attendance.exemptions.delete", "Withdraw exemptions", "Admin Registrar"),
]


def upgrade() -> None:
    op.create_table(
        "attendance_exemption",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("section_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("granted_by_id", sa.BigInteger(), nullable=False),
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
            ["granted_by_id"],
            ["user_account.id"],
            name=op.f("fk_attendance_exemption_granted_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_attendance_exemption_section_id_section")
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_attendance_exemption_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_exemption")),
        sa.UniqueConstraint(
            "section_id", "student_id", name=op.f("uq_attendance_exemption_section_id_student_id")
        ),
    )
    op.create_index(
        op.f("ix_attendance_exemption_student_id"),
        "attendance_exemption",
        ["student_id"],
        unique=False,
    )
    op.create_table(
        "attendance",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("marked_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "marked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "status IN ('PRESENT', 'ABSENT', 'LATE', 'LEAVE')", name=op.f("ck_attendance_status")
        ),
        sa.ForeignKeyConstraint(
            ["marked_by_id"],
            ["user_account.id"],
            name=op.f("fk_attendance_marked_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["class_session.id"],
            name=op.f("fk_attendance_session_id_class_session"),
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_attendance_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
        sa.UniqueConstraint(
            "session_id", "student_id", name=op.f("uq_attendance_session_id_student_id")
        ),
    )
    op.create_index(
        "ix_attendance_student_id_session_id",
        "attendance",
        ["student_id", "session_id"],
        unique=False,
        postgresql_include=["status"],
    )
    op.create_table(
        "attendance_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("attendance_id", sa.BigInteger(), nullable=False),
        sa.Column("from_status", sa.String(length=8), nullable=True),
        sa.Column("to_status", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["attendance_id"],
            ["attendance.id"],
            name=op.f("fk_attendance_change_attendance_id_attendance"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["user_account.id"], name=op.f("fk_attendance_change_by_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_change")),
    )
    op.create_index(
        op.f("ix_attendance_change_attendance_id"),
        "attendance_change",
        ["attendance_id"],
        unique=False,
    )
    for table, join in IN_PERIODS.items():
        refuse_closed(table, "s.academic_period_id", join)
    for table in COUNTED:
        count_rows_of(table)
    grant(PERMISSIONS)


def downgrade() -> None:
    revoke(PERMISSIONS)
    for table in COUNTED:
        stop_counting(table)
    for table in IN_PERIODS:
        accept_closed(table)
    op.drop_table("attendance_change")
    op.drop_table("attendance")
    op.drop_table("attendance_exemption")
