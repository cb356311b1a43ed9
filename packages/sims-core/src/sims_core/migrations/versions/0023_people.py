"""Persons, their documents and leave; each status that a student had."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sims_core.migrations.steps import count_rows_of, grant, revoke, stop_counting

revision = "0023"
down_revision = "0012"
branch_labels = None
depends_on = None

COUNTED = (
    "person",
    "contact_info",
    "address",
    "identity_document",
    "student_document",
    "leave_period",
)

# Who and why are told by the session; without them the change is recorded all the same.
HISTORY = """
CREATE FUNCTION sims_record_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.status IS DISTINCT FROM OLD.status THEN
    INSERT INTO student_status_change (student_id, from_status, to_status, reason, by_id)
    VALUES (NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status,
            coalesce(current_setting('sims.reason', true), ''),
            nullif(current_setting('sims.actor', true), '')::bigint);
  END IF;
  RETURN NULL;
END $$
"""

MANAGERS = "Admin Registrar Coordinator"
PEOPLE = {
    "persons": "persons",
    "contact_info": "contact details",
    "addresses": "addresses",
    "identity_documents": "identity documents",
}
PERMISSIONS = [
    *(
        permission
        for key, plural in PEOPLE.items()
        for permission in (
            (f"people.{key}.view", f"See all {plural}", f"{MANAGERS} OfficeAssistant"),
            (f"people.{key}.view_own", f"See the own {plural}", "Student"),
            (f"people.{key}.create", f"Add {plural}", MANAGERS),
            (f"people.{key}.update", f"Change {plural}", MANAGERS),
            (f"people.{key}.delete", f"Delete {plural}", MANAGERS),
        )
    ),
    ("people.persons.export", "Export what is known about people", "Admin Registrar"),
    (
        "students.students.manage_placement",
        "Place students in program, batch and group",
        MANAGERS,
    ),
    (
        "students.students.manage_status",
        "Change a student's status, with a reason",
        MANAGERS,
    ),
    (
        "students.students.view_history",
        "See the status history of students",
        MANAGERS,
    ),
    ("students.leave_periods.view", "See every leave period", MANAGERS),
    ("students.leave_periods.view_own", "See the own leave periods", "Student"),
    (
        "students.leave_periods.create",
        "Record leave for any student",
        MANAGERS,
    ),
    ("students.leave_periods.create_own", "Ask for leave", "Student"),
    ("students.leave_periods.decide", "Approve and reject leave", MANAGERS),
    (
        "students.documents.view",
        "See the documents of every student",
        MANAGERS,
    ),
    ("students.documents.view_own", "See the own documents", "Student"),
    ("students.documents.create", "Upload documents of students", MANAGERS),
    ("students.documents.delete", "Delete documents of students", MANAGERS),
]


def upgrade() -> None:
    op.create_table(
        "leave_period",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("requested_by_id", sa.BigInteger(), nullable=False),
        sa.Column("approved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.String(length=255), server_default="", nullable=False),
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
            "status IN ('pending', 'approved', 'rejected', 'completed')",
            name=op.f("ck_leave_period_status"),
        ),
        sa.CheckConstraint(
            "type IN ('medical', 'personal', 'academic', 'absence')",
            name=op.f("ck_leave_period_type"),
        ),
        sa.CheckConstraint("start_date <= end_date", name=op.f("ck_leave_period_dates_in_order")),
        sa.ForeignKeyConstraint(
            ["approved_by_id"],
            ["user_account.id"],
            name=op.f("fk_leave_period_approved_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"],
            ["user_account.id"],
            name=op.f("fk_leave_period_requested_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_leave_period_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leave_period")),
    )
    op.create_index(
        "ix_leave_period_start_date_id", "leave_period", ["start_date", "id"], unique=False
    )
    op.create_index(
        "ix_leave_period_student_id_start_date",
        "leave_period",
        ["student_id", "start_date"],
        unique=False,
    )
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=True),
        sa.Column("first_name", sa.String(length=128), nullable=False),
        sa.Column("middle_name", sa.String(length=128), server_default="", nullable=False),
        sa.Column("last_name", sa.String(length=128), nullable=False),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column("gender", sa.String(length=8), nullable=True),
        sa.Column("national_id", sa.String(length=32), nullable=True),
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
        sa.CheckConstraint("gender IN ('female', 'male', 'other')", name=op.f("ck_person_gender")),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_person_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("national_id", name=op.f("uq_person_national_id")),
        sa.UniqueConstraint("student_id", name=op.f("uq_person_student_id")),
    )
    op.create_index("ix_person_last_name_id", "person", ["last_name", "id"], unique=False)
    op.create_table(
        "student_document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("uploaded_by_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('photo', 'identity', 'certificate', 'medical', 'other')",
            name=op.f("ck_student_document_kind"),
        ),
        sa.CheckConstraint("size > 0", name=op.f("ck_student_document_size")),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_student_document_student_id_student")
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by_id"],
            ["user_account.id"],
            name=op.f("fk_student_document_uploaded_by_id_user_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_document")),
    )
    op.create_index(
        "ix_student_document_created_at_id", "student_document", ["created_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_student_document_sha256"), "student_document", ["sha256"], unique=False
    )
    op.create_index(
        op.f("ix_student_document_student_id"), "student_document", ["student_id"], unique=False
    )
    op.create_index(
        "uq_student_document_photo",
        "student_document",
        ["student_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'photo'"),
    )
    op.create_table(
        "student_status_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("from_status", sa.String(length=16), nullable=True),
        sa.Column("to_status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=255), server_default="", nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["user_account.id"], name=op.f("fk_student_status_change_by_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_student_status_change_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_status_change")),
    )
    op.create_index(
        op.f("ix_student_status_change_student_id"),
        "student_status_change",
        ["student_id"],
        unique=False,
    )
    op.create_table(
        "address",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("line1", sa.String(length=255), nullable=False),
        sa.Column("line2", sa.String(length=255), server_default="", nullable=False),
        sa.Column("city", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=128), server_default="", nullable=False),
        sa.Column("postal_code", sa.String(length=16), server_default="", nullable=False),
        sa.Column("country", sa.String(length=128), server_default="Pakistan", nullable=False),
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
            "type IN ('mailing', 'permanent', 'temporary', 'work')", name=op.f("ck_address_type")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_address_person_id_person"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address")),
        sa.UniqueConstraint("person_id", "type", name=op.f("uq_address_person_id_type")),
    )
    op.create_table(
        "contact_info",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("label", sa.String(length=255), server_default="", nullable=False),
        sa.Column("is_primary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
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
            "type IN ('phone', 'email', 'emergency_contact', 'whatsapp')",
            name=op.f("ck_contact_info_type"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_contact_info_person_id_person"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_info")),
        sa.UniqueConstraint(
            "person_id", "type", "value", name=op.f("uq_contact_info_person_id_type_value")
        ),
    )
    op.create_table(
        "identity_document",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("is_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
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
            "type IN ('cnic', 'passport', 'driving_license', 'other')",
            name=op.f("ck_identity_document_type"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_identity_document_person_id_person"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_document")),
        sa.UniqueConstraint(
            "person_id", "type", "number", name=op.f("uq_identity_document_person_id_type_number")
        ),
    )
    op.execute(HISTORY)
    op.execute(
        "CREATE TRIGGER record_status AFTER INSERT OR UPDATE OF status ON student"
        " FOR EACH ROW EXECUTE FUNCTION sims_record_status()"
    )
    for table in COUNTED:
        count_rows_of(table)
    grant(PERMISSIONS)


def downgrade() -> None:
    revoke(PERMISSIONS)
    for table in COUNTED:
        stop_counting(table)
    op.execute("DROP TRIGGER record_status ON student")
    op.execute("DROP FUNCTION sims_record_status()")
    op.drop_table("identity_document")
    op.drop_table("contact_info")
    op.drop_table("address")
    op.drop_table("student_status_change")
    op.drop_table("student_document")
    op.drop_table("person")
    op.drop_table("leave_period")
