"""Rooms, sections, their teachers, and enrolments with their history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sims_core.migrations.steps import count_rows_of, stop_counting

revision = "0020"
down_revision = "0006"
branch_labels = None
depends_on = None

COUNTED = ("room", "section", "enrollment")

# One statement, one change of each section's count, whatever number of rows it wrote: the
# update takes the section's row lock, and its check refuses a seat that is not there.
SEATS = """
CREATE FUNCTION sims_count_seats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE section AS s SET enrolled_count = s.enrolled_count + d.n
    FROM (SELECT section_id, count(*) AS n FROM added WHERE status = 'enrolled'
          GROUP BY section_id) AS d
    WHERE s.id = d.section_id;
  ELSIF TG_OP = 'DELETE' THEN
    UPDATE section AS s SET enrolled_count = s.enrolled_count - d.n
    FROM (SELECT section_id, count(*) AS n FROM removed WHERE status = 'enrolled'
          GROUP BY section_id) AS d
    WHERE s.id = d.section_id;
  ELSIF TG_OP = 'UPDATE' THEN
    UPDATE section AS s SET enrolled_count = s.enrolled_count + d.n
    FROM (SELECT section_id, sum(n) AS n
          FROM (SELECT section_id, 1 AS n FROM added WHERE status = 'enrolled'
                UNION ALL
                SELECT section_id, -1 FROM removed WHERE status = 'enrolled') AS moved
          GROUP BY section_id HAVING sum(n) <> 0) AS d
    WHERE s.id = d.section_id;
  ELSE
    UPDATE section SET enrolled_count = 0 WHERE enrolled_count <> 0;
  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "room",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("building", sa.String(length=255), server_default="", nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
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
        sa.CheckConstraint("capacity > 0", name=op.f("ck_room_capacity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room")),
        sa.UniqueConstraint("code", name=op.f("uq_room_code")),
    )
    op.create_table(
        "section",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("academic_period_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("capacity", sa.Integer(), server_default=sa.text("50"), nullable=False),
        sa.Column("enrolled_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
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
        sa.CheckConstraint("capacity > 0", name=op.f("ck_section_capacity")),
        sa.CheckConstraint("enrolled_count BETWEEN 0 AND capacity", name=op.f("ck_section_seats")),
        sa.ForeignKeyConstraint(
            ["academic_period_id"],
            ["academic_period.id"],
            name=op.f("fk_section_academic_period_id_academic_period"),
        ),
        sa.ForeignKeyConstraint(
            ["course_id"], ["course.id"], name=op.f("fk_section_course_id_course")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["student_group.id"], name=op.f("fk_section_group_id_student_group")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section")),
        sa.UniqueConstraint(
            "course_id",
            "academic_period_id",
            "name",
            name=op.f("uq_section_course_id_academic_period_id_name"),
        ),
    )
    op.create_index(
        op.f("ix_section_academic_period_id"), "section", ["academic_period_id"], unique=False
    )
    op.create_index(op.f("ix_section_group_id"), "section", ["group_id"], unique=False)
    op.create_table(
        "enrollment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("section_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
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
            "status IN ('enrolled', 'waitlisted', 'dropped', 'withdrawn')",
            name=op.f("ck_enrollment_status"),
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_enrollment_section_id_section")
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_enrollment_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment")),
        sa.UniqueConstraint(
            "section_id", "student_id", name=op.f("uq_enrollment_section_id_student_id")
        ),
    )
    op.create_index(
        "ix_enrollment_student_id_status", "enrollment", ["student_id", "status"], unique=False
    )
    op.create_index(
        "ix_enrollment_waitlist",
        "enrollment",
        ["section_id", "requested_at"],
        unique=False,
        postgresql_where=sa.text("status = 'waitlisted'"),
    )
    op.create_table(
        "section_teacher",
        sa.Column("section_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["section_id"],
            ["section.id"],
            name=op.f("fk_section_teacher_section_id_section"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_section_teacher_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("section_id", "user_id", name=op.f("pk_section_teacher")),
    )
    op.create_index(
        op.f("ix_section_teacher_user_id"), "section_teacher", ["user_id"], unique=False
    )
    op.create_table(
        "enrollment_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("enrollment_id", sa.BigInteger(), nullable=False),
        sa.Column("from_status", sa.String(length=16), nullable=True),
        sa.Column("to_status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=255), server_default="", nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["user_account.id"], name=op.f("fk_enrollment_event_by_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"],
            ["enrollment.id"],
            name=op.f("fk_enrollment_event_enrollment_id_enrollment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment_event")),
    )
    op.create_index(
        op.f("ix_enrollment_event_enrollment_id"),
        "enrollment_event",
        ["enrollment_id"],
        unique=False,
    )
    op.execute(SEATS)
    for event, tables in (
        ("INSERT", "REFERENCING NEW TABLE AS added"),
        ("UPDATE", "REFERENCING OLD TABLE AS removed NEW TABLE AS added"),
        ("DELETE", "REFERENCING OLD TABLE AS removed"),
        ("TRUNCATE", ""),
    ):
        op.execute(
            f"CREATE TRIGGER count_seats_{event.lower()} AFTER {event} ON enrollment {tables}"
            " FOR EACH STATEMENT EXECUTE FUNCTION sims_count_seats()"
        )
    for table in COUNTED:
        count_rows_of(table)


def downgrade() -> None:
    for table in COUNTED:
        stop_counting(table)
    op.drop_table("enrollment_event")
    op.drop_table("section_teacher")
    op.drop_table("enrollment")
    op.drop_table("section")
    op.drop_table("room")
    op.execute("DROP FUNCTION sims_count_seats()")
