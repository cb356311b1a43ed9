"""Exact row counts kept by statement triggers (ADR 0005)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COUNTED = (
    "academic_period",
    "batch",
    "course",
    "department",
    "program",
    "result",
    "student",
    "student_group",
    "transcript_request",
)

# One row per writer's slot, so that two transactions seldom wait for each other.
FUNCTION = """
CREATE FUNCTION sims_count_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  delta bigint;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT count(*) INTO delta FROM added;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT -count(*) INTO delta FROM removed;
  ELSE
    DELETE FROM row_count WHERE entity = TG_TABLE_NAME;
    RETURN NULL;
  END IF;
  IF delta <> 0 THEN
    INSERT INTO row_count AS c (entity, slot, n)
    VALUES (TG_TABLE_NAME, pg_backend_pid() % 16, delta)
    ON CONFLICT (entity, slot) DO UPDATE SET n = c.n + excluded.n;
  END IF;
  RETURN NULL;
END $$
"""


def count_rows_of(table: str) -> None:
    """Starts counting ``table``: what it holds now, then each statement's change."""
    op.execute(
        f"CREATE TRIGGER count_inserted AFTER INSERT ON {table}"
        " REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION sims_count_rows()"
    )
    op.execute(
        f"CREATE TRIGGER count_deleted AFTER DELETE ON {table}"
        " REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION sims_count_rows()"
    )
    op.execute(
        f"CREATE TRIGGER count_truncated AFTER TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION sims_count_rows()"
    )
    op.execute(f"INSERT INTO row_count SELECT '{table}', 0, count(*) FROM {table}")  # noqa: S608


def upgrade() -> None:
    op.create_table(
        "row_count",
        sa.Column("entity", sa.String(length=63), nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "slot", name=op.f("pk_row_count")),
    )
    op.execute(FUNCTION)
    for table in COUNTED:
        count_rows_of(table)


def downgrade() -> None:
    for table in COUNTED:
        for trigger in ("count_inserted", "count_deleted", "count_truncated"):
            op.execute(f"DROP TRIGGER {trigger} ON {table}")
    op.execute("DROP FUNCTION sims_count_rows()")
    op.drop_table("row_count")
