"""The outbox and the transcripts asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Delivered when the transaction commits: the dispatcher never sees a job that is not there.
NOTIFY_FUNCTION = """
CREATE FUNCTION sims_notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('sims_outbox', '');
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("queue", sa.String(length=32), server_default="default", nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("crashes", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "available_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.String(length=128), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'dispatched', 'running', 'finished', 'failed', 'cancelled')",
            name=op.f("ck_outbox_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_finished_at", "outbox", ["finished_at"], unique=False)
    op.create_index(
        "ix_outbox_open",
        "outbox",
        ["available_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending', 'dispatched', 'running')"),
    )
    op.create_table(
        "transcript_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("requested_by_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"],
            ["user_account.id"],
            name=op.f("fk_transcript_batch_requested_by_id_user_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcript_batch")),
    )
    op.create_index(
        op.f("ix_transcript_batch_requested_by_id"),
        "transcript_batch",
        ["requested_by_id"],
        unique=False,
    )
    op.create_table(
        "transcript_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("requested_by_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="recorded", nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=True),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=True),
        sa.Column(
            "possible_duplicate", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('recorded', 'rendering', 'sending', 'sent', 'refused', 'failed', 'unknown')",
            name=op.f("ck_transcript_request_state"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["transcript_batch.id"],
            name=op.f("fk_transcript_request_batch_id_transcript_batch"),
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["outbox.id"], name=op.f("fk_transcript_request_job_id_outbox")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"],
            ["user_account.id"],
            name=op.f("fk_transcript_request_requested_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["student.id"], name=op.f("fk_transcript_request_student_id_student")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcript_request")),
    )
    op.create_index(
        "ix_transcript_request_created_at_id", "transcript_request", ["created_at", "id"]
    )
    op.create_index(
        "ix_transcript_request_batch_id_state",
        "transcript_request",
        ["batch_id", "state"],
        unique=False,
    )
    op.create_index(
        op.f("ix_transcript_request_job_id"), "transcript_request", ["job_id"], unique=False
    )
    op.create_index(
        "ix_transcript_request_requested_by_id",
        "transcript_request",
        ["requested_by_id"],
        unique=False,
    )
    op.create_index(
        "ix_transcript_request_student_id_created_at",
        "transcript_request",
        ["student_id", "created_at"],
        unique=False,
    )
    op.execute(NOTIFY_FUNCTION)
    op.execute(
        "CREATE TRIGGER outbox_notify AFTER INSERT ON outbox"
        " FOR EACH STATEMENT EXECUTE FUNCTION sims_notify_outbox()"
    )


def downgrade() -> None:
    op.drop_table("transcript_request")
    op.drop_table("transcript_batch")
    op.drop_table("outbox")
    op.execute("DROP FUNCTION sims_notify_outbox()")
