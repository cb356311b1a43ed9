"""Administration of users and roles, throttled sign-in, one-time codes to set a password."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sims_core.migrations import steps

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PERMISSIONS = [
    ("users.users.view", "See logins", "Admin"),
    ("users.users.export", "Export logins", "Admin"),
    ("users.users.create", "Add logins", "Admin"),
    ("users.users.update", "Change, deactivate and reset logins", "Admin"),
    ("users.roles.view", "See roles and permissions", "Admin Registrar"),
    ("users.roles.create", "Add roles", "Admin"),
    ("users.roles.update", "Change what roles may do", "Admin"),
    ("users.roles.delete", "Delete roles", "Admin"),
]


def upgrade() -> None:
    op.add_column(
        "user_account",
        sa.Column("must_change_password", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column("auth_session", sa.Column("ip", sa.String(45), server_default="", nullable=False))
    op.add_column("role", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.create_table(
        "password_code",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_password_code_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_password_code")),
    )
    op.create_table(
        "sign_in_throttle",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_throttle")),
    )
    op.create_index(op.f("ix_sign_in_throttle_since"), "sign_in_throttle", ["since"])
    steps.count_rows_of("user_account")
    steps.count_rows_of("role")
    steps.grant(PERMISSIONS)


def downgrade() -> None:
    steps.revoke(PERMISSIONS)
    steps.stop_counting("role")
    steps.stop_counting("user_account")
    op.drop_table("sign_in_throttle")
    op.drop_table("password_code")
    op.drop_column("role", "version")
    op.drop_column("auth_session", "ip")
    op.drop_column("user_account", "must_change_password")
