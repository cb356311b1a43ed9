"""Imports of every kind share one table; that of students becomes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NAMES = [
    "CONSTRAINT ck_{}_mode",
    "CONSTRAINT ck_{}_status",
    "CONSTRAINT fk_{}_created_by_id_user_account",
    "CONSTRAINT pk_{}",
]
INDEXES = ["ix_{}_created_by_id", "ix_{}_file_hash"]


def _rename(old: str, new: str) -> None:
    op.rename_table(old, new)
    for name in NAMES:
        op.execute(f"ALTER TABLE {new} RENAME {name.format(old)} TO {name.split()[1].format(new)}")
    for name in INDEXES:
        op.execute(f"ALTER INDEX {name.format(old)} RENAME TO {name.format(new)}")


def upgrade() -> None:
    _rename("student_import", "import_job")
    op.add_column(
        "import_job",
        sa.Column("kind", sa.String(length=32), server_default="students", nullable=False),
    )
    op.alter_column("import_job", "kind", server_default=None)
    op.add_column(
        "import_job",
        sa.Column("context", postgresql.JSONB(), server_default="{}", nullable=False),
    )


def downgrade() -> None:
    op.execute("DELETE FROM import_job WHERE kind <> 'students'")
    op.drop_column("import_job", "context")
    op.drop_column("import_job", "kind")
    _rename("import_job", "student_import")
