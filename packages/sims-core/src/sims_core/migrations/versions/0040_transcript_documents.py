"""Issued transcripts, their purposes, cancelled requests, and limits of public routes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sims_core.migrations import steps

revision = "0040"
down_revision = "0014"
branch_labels = None
depends_on = None

# code, name, hours for which the verification answers, default
PURPOSES = [
    ("general", "General", 48, True),
    ("employment", "Employment", 30 * 24, False),
    ("admission", "Admission to a university", 90 * 24, False),
    ("visa", "Visa or residence", 90 * 24, False),
]

# code, description, roles that get it
PERMISSIONS = [
    ("transcripts.documents.view", "See which transcripts were issued", "Admin Registrar ExamCell"),
    ("transcripts.documents.revoke", "Revoke issued transcripts", "Admin Registrar"),
    (
        "transcripts.purposes.view",
        "See the purposes of transcripts and how long each is valid",
        "Admin Registrar ExamCell Student",
    ),
    ("transcripts.purposes.create", "Create purposes of transcripts", "Admin Registrar"),
    ("transcripts.purposes.update", "Update purposes of transcripts", "Admin Registrar"),
    ("transcripts.purposes.delete", "Delete purposes of transcripts", "Admin Registrar"),
    ("jobs.jobs.view", "See background jobs", "Admin Registrar"),
    ("jobs.jobs.manage", "Requeue and cancel background jobs", "Admin"),
]

STATES = "'recorded', 'rendering', 'sending', 'sent', 'refused', 'failed', 'unknown'"
COUNTED = ("transcript_purpose", "transcript_document", "outbox")


def upgrade() -> None:
    _purposes()
    _documents()
    op.create_index(op.f("ix_outbox_created_at_id"), "outbox", ["created_at", "id"])
    op.drop_constraint(op.f("ck_transcript_request_state"), "transcript_request")
    op.create_check_constraint(
        op.f("ck_transcript_request_state"),
        "transcript_request",
        f"state IN ({STATES}, 'cancelled')",
    )
    op.create_table(
        "rate_window",
        sa.Column("bucket", sa.String(length=32), nullable=False),
        sa.Column("caller", sa.LargeBinary(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "caller", "began_at", name=op.f("pk_rate_window")),
        prefixes=["UNLOGGED"],
    )
    for table in COUNTED:
        steps.count_rows_of(table)
    steps.grant(PERMISSIONS)


def _purposes() -> None:
    op.create_table(
        "transcript_purpose",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("valid_hours", sa.Integer(), nullable=False),
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
        sa.CheckConstraint(
            "valid_hours BETWEEN 1 AND 87600", name=op.f("ck_transcript_purpose_valid_hours")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcript_purpose")),
        sa.UniqueConstraint("code", name=op.f("uq_transcript_purpose_code")),
    )
    op.create_index(
        "uq_transcript_purpose_is_default",
        "transcript_purpose",
        ["is_default"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    for code, name, hours, default in PURPOSES:
        op.get_bind().execute(
            sa.text(
                "INSERT INTO transcript_purpose (code, name, valid_hours, is_default)"
                " VALUES (:code, :name, :hours, :default)"
            ),
            {"code": code, "name": name, "hours": hours, "default": default},
        )
    op.add_column("transcript_request", sa.Column("purpose_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_transcript_request_purpose_id_transcript_purpose"),
        "transcript_request",
        "transcript_purpose",
        ["purpose_id"],
        ["id"],
    )
    op.create_index("ix_transcript_request_purpose_id", "transcript_request", ["purpose_id"])


def _documents() -> None:
    name = "transcript_document"
    references = [
        ("student_id", "student", None),
        ("purpose_id", "transcript_purpose", None),
        ("request_id", "transcript_request", None),
        ("issued_to_id", "user_account", None),
        ("superseded_by_id", name, "SET NULL"),
        ("revoked_by_id", "user_account", None),
    ]
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose_id", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("issued_to_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=True),
        sa.Column("pdf_size", sa.Integer(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_by_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("revoked_reason", sa.String(length=500), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_{name}_{column}_{table}"), ondelete=on
            )
            for column, table, on in references
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcript_document")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_transcript_document_token_hash")),
    )
    for columns in (
        ["issued_at", "id"],
        ["student_id", "issued_at"],
        ["request_id"],
        ["purpose_id"],
        ["superseded_by_id"],
    ):
        op.create_index(f"ix_{name}_{'_'.join(columns)}", name, columns)


def downgrade() -> None:
    steps.revoke(PERMISSIONS)
    for table in COUNTED:
        steps.stop_counting(table)
    op.drop_table("rate_window")
    op.drop_table("transcript_document")
    op.execute("UPDATE transcript_request SET state = 'failed' WHERE state = 'cancelled'")
    op.drop_constraint(op.f("ck_transcript_request_state"), "transcript_request")
    op.create_check_constraint(
        op.f("ck_transcript_request_state"), "transcript_request", f"state IN ({STATES})"
    )
    op.drop_index(op.f("ix_outbox_created_at_id"), "outbox")
    op.drop_index("ix_transcript_request_purpose_id", "transcript_request")
    op.drop_column("transcript_request", "purpose_id")
    op.drop_table("transcript_purpose")
