"""Alembic environment: the caller hands over an open connection."""

from __future__ import annotations

from alembic import context

from sims_core.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    compare_type=True,
    compare_server_default=False,  # PostgreSQL renders defaults in its own words
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
