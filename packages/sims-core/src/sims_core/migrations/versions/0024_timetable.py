"""Sessions, what they book, and calendar feeds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sims_core.migrations.steps import (
    accept_closed,
    count_rows_of,
    grant,
    refuse_closed,
    revoke,
    stop_counting,
)

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

COUNTED = ("class_session",)

BOOK = """
CREATE FUNCTION sims_book_session(session bigint) RETURNS void LANGUAGE sql AS $$
  DELETE FROM booking WHERE session_id = session;
  INSERT INTO booking (session_id, kind, resource_id, during)
  SELECT c.id, b.kind, b.resource_id, tstzrange(c.starts_at, c.ends_at)
  FROM class_session AS c
  JOIN section AS s ON s.id = c.section_id
  CROSS JOIN LATERAL (
    SELECT 'room', c.room_id
    UNION ALL SELECT 'group', s.group_id
    UNION ALL SELECT 'teacher', c.teacher_id
    UNION ALL SELECT 'teacher', t.user_id FROM section_teacher AS t
    WHERE c.teacher_id IS NULL AND t.section_id = s.id
  ) AS b (kind, resource_id)
  WHERE c.id = session AND c.status = 'SCHEDULED' AND b.resource_id IS NOT NULL
$$
"""
BY_SESSION = """
CREATE FUNCTION sims_book_changed_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM sims_book_session(NEW.id);
  RETURN NULL;
END $$
"""
# What is over stays booked as it was.
BY_SECTION = """
CREATE FUNCTION sims_book_changed_section() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  section bigint := (coalesce(to_jsonb(NEW), to_jsonb(OLD)) ->> TG_ARGV[0])::bigint;
BEGIN
  PERFORM sims_book_session(c.id) FROM class_session AS c
  WHERE c.section_id = section AND c.ends_at > now();
  RETURN NULL;
END $$
"""
TRIGGERS = (
    (
        "class_session",
        "INSERT OR UPDATE OF section_id, room_id, teacher_id, starts_at, ends_at, status",
        "sims_book_changed_session()",
    ),
    ("section", "UPDATE OF group_id", "sims_book_changed_section('id')"),
    ("section_teacher", "INSERT OR DELETE", "sims_book_changed_section('section_id')"),
)

PERMISSIONS = [
    (
        "academics.enrollments.view",
        "See every enrolment",
        "Admin Registrar Coordinator ExamCell OfficeAssistant Finance",
    ),
    (
        "academics.enrollments.view_own",
        "See the enrolments in the own sections, or the own ones",
        "Faculty Student",
    ),
    ("academics.enrollments.create", "Enrol students", "Admin Registrar Coordinator"),
    ("academics.enrollments.update", "Drop and withdraw students", "Admin Registrar Coordinator"),
    (
        "timetable.rooms.view",
        "See rooms",
        "Admin Registrar Coordinator Faculty ExamCell Finance OfficeAssistant Student",
    ),
    ("timetable.rooms.create", "Create rooms", "Admin Registrar Coordinator"),
    ("timetable.rooms.update", "Update rooms", "Admin Registrar Coordinator"),
    ("timetable.rooms.delete", "Delete rooms", "Admin Registrar Coordinator"),
    (
        "timetable.sessions.view",
        "See the whole timetable",
        "Admin Registrar Coordinator ExamCell OfficeAssistant",
    ),
    ("timetable.sessions.view_own", "See the sessions taught or taken", "Faculty Student"),
    ("timetable.sessions.create", "Create sessions", "Admin Registrar Coordinator"),
    ("timetable.sessions.update", "Move and cancel sessions", "Admin Registrar Coordinator"),
    ("timetable.sessions.delete", "Delete sessions", "Admin Registrar Coordinator"),
]


def upgrade() -> None:
    op.create_table(
        "calendar_feed",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_calendar_feed_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
    )
    op.create_table(
        "class_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("section_id", sa.BigInteger(), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=True),
        sa.Column("teacher_id", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("title", sa.String(length=255), server_default="", nullable=False),
        sa.Column("status", sa.String(length=16), server_default="SCHEDULED", nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=True),
        sa.Column("roster_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
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
            "ends_at - starts_at <= interval '24 hours'",
            name=op.f("ck_class_session_a_day_at_most"),
        ),
        sa.CheckConstraint(
            "status IN ('SCHEDULED', 'CANCELLED')", name=op.f("ck_class_session_status")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_class_session_times_in_order")),
        sa.ForeignKeyConstraint(
            ["room_id"], ["room.id"], name=op.f("fk_class_session_room_id_room")
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_class_session_section_id_section")
        ),
        sa.ForeignKeyConstraint(
            ["teacher_id"],
            ["user_account.id"],
            name=op.f("fk_class_session_teacher_id_user_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_session")),
    )
    op.create_index(op.f("ix_class_session_room_id"), "class_session", ["room_id"], unique=False)
    op.create_index(
        "ix_class_session_section_id_starts_at",
        "class_session",
        ["section_id", "starts_at"],
        unique=False,
    )
    op.create_index(
        "ix_class_session_series_id",
        "class_session",
        ["series_id"],
        unique=False,
        postgresql_where=sa.text("series_id IS NOT NULL"),
    )
    op.create_index(
        "ix_class_session_starts_at_id", "class_session", ["starts_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_class_session_teacher_id"), "class_session", ["teacher_id"], unique=False
    )
    op.create_table(
        "booking",
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("resource_id", sa.Integer(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("kind"), "="),
            (sa.column("resource_id"), "="),
            (sa.column("during"), "&&"),
            using="gist",
            name="ex_booking_clash",
        ),
        sa.CheckConstraint("kind IN ('room', 'teacher', 'group')", name=op.f("ck_booking_kind")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["class_session.id"],
            name=op.f("fk_booking_session_id_class_session"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", "kind", "resource_id", name=op.f("pk_booking")),
    )
    for function in (BOOK, BY_SESSION, BY_SECTION):
        op.execute(function)
    for table, events, function in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER book AFTER {events} ON {table} FOR EACH ROW"
            f" EXECUTE FUNCTION {function}"
        )
    refuse_closed(
        "class_session", "s.academic_period_id", "JOIN section AS s ON s.id = r.section_id"
    )
    for table in COUNTED:
        count_rows_of(table)
    grant(PERMISSIONS)


def downgrade() -> None:
    revoke(PERMISSIONS)
    for table in COUNTED:
        stop_counting(table)
    accept_closed("class_session")
    for table, *_ in TRIGGERS:
        op.execute(f"DROP TRIGGER book ON {table}")
    op.execute("DROP FUNCTION sims_book_changed_section()")
    op.execute("DROP FUNCTION sims_book_changed_session()")
    op.execute("DROP FUNCTION sims_book_session(bigint)")
    op.drop_table("booking")
    op.drop_table("class_session")
    op.drop_table("calendar_feed")
